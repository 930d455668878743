//! Secrets in every place where a playbook can have one: none may be seen in what is shown or logged, in a process list of
//! either side, or in what a node keeps. Each has a word of its own, so what leaked says where.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::program::Program;
use crate::testbed::{Bed, Machine, Sudo};

/// Every secret begins so.
const MARK: &str = "mrk-";
/// `mrk-vault-inline`, encrypted with the password `horse`.
const INLINE: &str = "\
$ANSIBLE_VAULT;1.1;AES256
36636665623335313938366234396339396135373538326334326439393937643731626363643563
3561306339353765653961666136336237343231313835330a623438333763356639613066343939
62666339306531633666353434666132313932333965316232633465343566336461303866393431
3562623862633935360a623237373761343265373061383766393031633235323231393963386538
34643436363663333637656333303038336136333839353339396532396566353138
";
/// `vaulted_word: mrk-vault-file`
const VAULT_FILE: &str = "\
$ANSIBLE_VAULT;1.1;AES256
64356434333663373965383236313765643731323233383861633566313839353137313766336134
6335626536336430636365356138316134323739643566650a303162663866323038656666393930
62383738353265376461336139626336633937306338316562666363343965623663666239643337
3965326561626537380a623333353334303835313739393161623832653430366236613564643663
36643931643532346338643832656639653733623936636364306262313634353865
";
/// `first line`, `mrk-vault-copied`
const VAULTED_COPY: &str = "\
$ANSIBLE_VAULT;1.1;AES256
37396533613430303061663833636465306238333765306231356335396565646163646236613463
3835633665613636633734343036336531623131353232340a363430313735326534613364396230
37386636356231323438633132326638386135353632666265346236613464353861363066306533
3332613064333830650a653633383436383531333337316562323361653862646163613630366266
36393262326263393835323666396363393764333861333031353766626533623038
";

const SITE: &str = r#"
- hosts: nodes
  become: true
  vars_files: [vault.yml]
  vars_prompt:
    - {name: prompted, prompt: "Say it", default: mrk-prompted}
  vars:
    db_password: mrk-named
    hash: "$6$mrk-hash$5oYd2N9jRE4bJ0Yv9g8pZ1GjA4VqzGc1o9gqUqQXv0Yy6hQkq0vT1s1m3n5p7r9t1v3x5z7B9D1F3H5J7L9N1."
    inline: !vault |
INLINE
  tasks:
    - {name: reads, command: cat /root/kept, no_log: true, register: kept, changed_when: false}
    - {name: shows, debug: {var: kept}}
    - {name: says, debug: {msg: "it is {{ kept.stdout }} and {{ inline }} and {{ vaulted_word }}"}}
    - {name: keeps, set_fact: {mine: "{{ kept.stdout }}"}, no_log: true}
    - {name: shows mine, debug: {var: mine}}
    - {name: a loop of which nothing is shown, debug: {msg: "{{ item.word }}"}, loop: [{word: mrk-in-loop, hide: true}], no_log: "{{ item.hide }}"}
    - {name: user, user: {name: keeper, password: "{{ hash }}", create_home: false}}
    - {name: copy, copy: {content: "A=1\nDB_PASSWORD=mrk-copied\nX={{ db_password }}\n", dest: /srv/copied.env, mode: "0600"}}
    - {name: template, template: {src: env.j2, dest: /srv/template.env, mode: "0600"}}
    - {name: copy of a file, copy: {src: plain.env, dest: /srv/plain.env, mode: "0600"}}
    - {name: copy of what is encrypted, copy: {src: vaulted, dest: /srv/vaulted, mode: "0600"}}
    - {name: line, lineinfile: {path: /srv/old.env, regexp: ^A=, line: "A={{ prompted }}"}}
    - {name: block, blockinfile: {path: /srv/old.env, block: "API_TOKEN: mrk-block\n"}}
    - {name: replace, replace: {path: /srv/old.env, regexp: "B=.*", replace: "B={{ given_password }}"}}
    - name: uri
      uri:
        url: http://127.0.0.1:8099/
        method: POST
        url_username: pat
        url_password: mrk-uri
        force_basic_auth: true
        headers: {Authorization2: "{{ inline }}", X-Token: mrk-header}
        body: {token: mrk-body}
        body_format: json
        return_content: true
        status_code: [200, 501]
      register: answer
    - {name: get_url, get_url: {url: "http://pat:mrk-address@127.0.0.1:8099/file", dest: /srv/got, mode: "0600"}, ignore_errors: true}
    - name: environment and standard input
      shell: {cmd: 'read -r word; test -n "$WORD" && sleep 0.2', stdin: "{{ prompted }}"}
      environment: {WORD: "{{ inline }}", MY_TOKEN: mrk-environment}
      changed_when: false
    - name: fails and talks
      shell: 'echo "$WORD"; cat; cat /root/kept >&2; exit 3'
      args: {stdin: "{{ vaulted_word }}"}
      environment: {WORD: "{{ db_password }}"}
      ignore_errors: true
      register: failed
    - {name: says so, debug: {var: failed}}
    - {name: assertion, assert: {that: "mine == 'x'", fail_msg: "not {{ mine }}"}, ignore_errors: true}
    - {name: "named {{ db_password }}", fail: {msg: "{{ given_password }}"}, ignore_errors: true}
    - name: block
      block:
        - {name: hidden failure, shell: "cat /root/kept; exit 1", no_log: true}
      rescue:
        - {name: what failed, debug: {var: ansible_failed_result}}
    - {name: again, include_vars: vault.yml}
    - {name: facts, debug: {var: vars.db_password}}
"#;

fn project(bed: &Bed, machine: &Machine) -> Program {
    let program = Program::new();
    for dir in ["home/.ssh", "templates", "files"] {
        std::fs::create_dir(program.path(dir)).unwrap();
    }
    program.file("home/.ssh/known_hosts", &machine.known_hosts_lines());
    let hosts = format!(
        "[nodes]\n{} ansible_host={} ansible_port={} ansible_user={} ansible_ssh_private_key_file={} ansible_become_password=mrk-become\n",
        machine.name,
        machine.address,
        machine.port,
        machine.user,
        bed.key_path().display()
    );
    let indented: String = INLINE.lines().map(|line| format!("      {line}\n")).collect();
    program.file("hosts", &hosts).file("site.yml", &SITE.replace("INLINE\n", &indented)).file("vault.yml", VAULT_FILE);
    program.file("vault-password", "horse\n").file("extra.json", r#"{"given_password": "mrk-given"}"#);
    program.file("templates/env.j2", "SECRET_KEY=mrk-template\nOTHER={{ inline }}\n");
    program.file("files/plain.env", "GITHUB_TOKEN=mrk-plain\n").file("files/vaulted", VAULTED_COPY);
    program
}

/// Everything in process lists with a secret in it, as long as it looks.
fn watch(stop: &AtomicBool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    while !stop.load(Ordering::SeqCst) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let is_process = entry.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()));
            let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if is_process && line.contains(MARK) {
                found.insert(line);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    found
}

/// The secrets that stand in a text, as they are or in base64.
fn leaks(text: &str) -> BTreeSet<String> {
    let words = |text: &str| {
        let word = |at: usize| text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>();
        text.match_indices(MARK).map(|(at, _)| word(at)).collect::<BTreeSet<_>>()
    };
    let mut found = words(text);
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))).filter(|word| word.len() >= 12) {
        let decoded = STANDARD.decode(word).unwrap_or_default();
        found.extend(words(&String::from_utf8_lossy(&decoded)));
    }
    found
}

fn logs(state: &Path) -> String {
    let runs = std::fs::read_dir(state.join("homelabctl/runs")).unwrap().flatten();
    runs.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect()
}

#[test]
fn a_secret_is_seen_nowhere() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("m1").sudo(Sudo::Password("mrk-become".into())).start().unwrap();
    let program = project(&bed, &machine);
    let server = "mkdir -p /srv/www; echo x >/srv/www/file; \
                  systemd-run --quiet --unit=www python3 -m http.server --bind 127.0.0.1 --directory /srv/www 8099; \
                  until curl -so /dev/null http://127.0.0.1:8099/; do sleep 0.1; done";
    machine.root_says(server).unwrap();
    // in two halves: this line stands in a process list too
    let reset = "umask 077; rm -f /srv/*.env /srv/vaulted /srv/got; userdel keeper 2>/dev/null; m=mrk; \
                 echo $m-kept >/root/kept; printf 'A=1\\nB=2\\nOLD_PASSWORD=%s-old\\n' $m >/srv/old.env";
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || watch(&stop))
    };
    let ways: [&[&str]; 6] = [
        &["--check", "--diff"],
        &["--diff"],
        &["-vv", "--diff"],
        &["--output", "json", "--diff"],
        &["--output", "jsonl", "--check", "--diff"],
        &["--output", "jsonl"],
    ];
    let mut wrong = Vec::new();
    for way in ways {
        machine.root_says(reset).unwrap();
        let common = ["provision", "-i", "hosts", "--vault-password-file", "vault-password", "-e", "@extra.json"];
        let ran = bed.inside(|| program.run(&[&common, way].concat())).unwrap();
        assert_eq!(ran.code, Some(0), "{way:?}: {}", ran.all());
        // all of it was there to be seen
        let applied = !way.contains(&"--check");
        assert!(!applied || machine.root_says("cat /srv/*.env /srv/vaulted").unwrap().matches(MARK).count() >= 9, "{}", ran.all());
        assert!(ran.all().contains("***"), "{}", ran.all());
        for leak in leaks(&ran.all()) {
            let lines: Vec<String> =
                ran.all().lines().filter(|line| line.contains(&leak)).map(|line| line.chars().take(600).collect()).collect();
            wrong.push(format!("{way:?} shows {leak}: {lines:#?}"));
        }
    }
    machine.root_says(": mrk-is-seen; sleep 0.2").unwrap();
    stop.store(true, Ordering::SeqCst);
    let (seen, in_lists): (Vec<String>, Vec<String>) = watcher.join().unwrap().into_iter().partition(|line| line.contains("mrk-is-seen"));
    assert!(!seen.is_empty(), "whoever looks at process lists sees none");
    wrong.extend(in_lists.into_iter().map(|line| format!("in a process list: {line}")));
    wrong.extend(leaks(&logs(&program.path("state"))).into_iter().map(|leak| format!("in a log: {leak}")));
    // what the node keeps: the files that the playbook writes are the only ones
    let kept = "grep -rl mrk- /var/log /var/tmp /tmp /run /dev/shm /etc /root /home 2>/dev/null | grep -v -e ^/etc/shadow -e ^/root/kept$; \
                journalctl --no-pager -o cat 2>/dev/null | grep mrk-; true";
    let kept = machine.root_says(kept).unwrap();
    wrong.extend(kept.lines().map(|line| format!("the node keeps it: {line}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
