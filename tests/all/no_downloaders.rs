//! Servers that the controller asks for a machine that has neither curl nor wget: the request leaves from the machine.

use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Machine};

/// Listens on the machine's loopback alone, with TLS on the second port.
const SERVER: &str = r#"
import http.server, json, ssl, sys, threading
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers: self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(body)
    def do_GET(self):
        with open('/srv/asked', 'a') as log: log.write(f'{self.command} {self.path} {self.headers.get("Host")}\n')
        if self.path == '/moved':
            return self.answer(302, b'', ('Location', '/www/small'), ('Set-Cookie', 'a=b'))
        if self.path == '/locked' and self.headers.get('Authorization') != 'Basic cGF0OnNlY3JldA==':
            return self.answer(401, b'no', ('WWW-Authenticate', 'Basic realm="x"'))
        if self.path == '/chunked':
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            for _ in range(1000): self.wfile.write(b'400\r\n' + b'x' * 1024 + b'\r\n')
            return self.wfile.write(b'0\r\n\r\n')
        if self.path == '/silent':
            import time; time.sleep(5)
        if self.path.startswith('/www/'):
            return super().do_GET()
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)).decode()
        said = {'method': self.command, 'body': body, 'headers': {k.lower(): v for k, v in self.headers.items()}}
        self.answer(200, json.dumps(said).encode(), ('Content-Type', 'application/json'))
    do_POST = do_PUT = do_GET
plain = http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Handler)
tls = http.server.ThreadingHTTPServer(('127.0.0.1', 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('/srv/server.pem')
tls.socket = context.wrap_socket(tls.socket, server_side=True)
threading.Thread(target=tls.serve_forever).start()
plain.serve_forever()
"#;

const PLAY: &str = r#"
- hosts: nodes
  become: true
  gather_facts: false
  module_defaults:
    uri: {return_content: true, timeout: 3}
  vars:
    plain: http://only-there:8000
    tls: https://only-there:8443
    sum: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
  tasks:
    - name: a small file
      get_url: {url: "{{ plain }}/moved", dest: /srv/small, mode: "0640", checksum: "sha256:{{ sum }}"}
      register: small
    - name: one in a directory, which is newer or not
      get_url: {url: "{{ plain }}/www/small", dest: /srv/to/, backup: true}
    - name: a large one, over tls, with its digest in a list
      get_url:
        url: "{{ tls }}/www/large"
        dest: /srv/large
        checksum: "sha256:{{ tls }}/www/sums"
        validate_certs: false
    - name: an archive
      unarchive: {src: "{{ plain }}/www/a.tar.gz", dest: /srv/to, remote_src: true}
    - name: what is asked arrives
      uri:
        url: "{{ plain }}/echo"
        method: POST
        body: {a: 1}
        body_format: json
        headers: {X-Mine: "ü"}
        url_username: pat
        url_password: secret
      register: echo
    - assert:
        that:
          - echo.json.method == 'POST' and echo.json.body == '{"a": 1}'
          - echo.json.headers.host == 'only-there:8000' and echo.json.headers.authorization == 'Basic cGF0OnNlY3JldA=='
          - echo.json.headers['content-type'] == 'application/json' and echo.json.headers['x-mine'] is defined
          - echo.status == 200 and echo.content_type == 'application/json' and not echo.redirected
          - small.msg == 'file already exists' or small.status_code == 200
    - uri: {url: "{{ plain }}/moved"}
      register: moved
    - uri: {url: "{{ plain }}/moved", follow_redirects: none, status_code: [302]}
      register: stayed
    - uri: {url: "{{ plain }}/locked", status_code: [401]}
      register: locked
    - uri: {url: "{{ plain }}/chunked", dest: /srv/chunked, mode: "0600"}
    - uri: {url: "{{ plain }}/chunked"}
      register: chunked
    - uri: {url: "{{ plain }}/echo", src: /srv/small, remote_src: true, method: PUT}
      register: sent
    - uri: {url: "{{ tls }}/www/small", ca_path: /srv/authority.pem}
      register: trusted
    - assert:
        that:
          - moved.content == 'hello\n' and moved.redirected and moved.url == plain ~ '/www/small'
          - stayed.status == 302 and stayed.location == plain ~ '/www/small'
          - locked.status == 401
          - chunked.content | length == 1024000
          - sent.json.body == 'hello\n'
          - trusted.content == 'hello\n'
    - uri: {url: "{{ tls }}/www/small"}
      register: distrusted
      failed_when: distrusted.status != -1 or 'UnknownIssuer' not in distrusted.msg
    - uri: {url: "http://only-there:1/"}
      register: closed
      failed_when: closed.status != -1 or 'only-there:1' not in closed.msg
    - uri: {url: "{{ plain }}/silent"}
      register: silent
      failed_when: silent.status != -1 or '3 s' not in silent.msg
    - get_url: {url: "{{ plain }}/www/none", dest: /srv/none}
      register: not_there
      failed_when: not_there.status_code != 404
"#;

/// Puts a server into the machine, with what it has.
fn serve(m: &Machine) {
    let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority of the test's");
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["only-there".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = format!(
        "cat >/srv/server.py <<'END'\n{SERVER}\nEND\ncat >/srv/server.pem <<'END'\n{}{}END\ncat >/srv/authority.pem <<'END'\n{}END\n",
        key.serialize_pem(),
        certificate.pem(),
        authority_certificate.pem(),
    );
    m.root_says(&files).unwrap();
    m.root_says(
        "echo '127.0.0.1 only-there' >>/etc/hosts
        mkdir -p /srv/www /srv/to && cd /srv/www && echo hello >small && seq 200000 >large && sha256sum large >sums
        mkdir /tmp/in && echo packed >/tmp/in/packed && tar -czf a.tar.gz -C /tmp/in packed
        cd /srv && nohup python3 server.py >/srv/said 2>&1 &
        for i in 1 2 3 4 5 6 7 8 9; do (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null && break; sleep 1; done",
    )
    .unwrap();
}

fn run(bed: &Bed, program: &Program, arguments: &[&str]) -> Ran {
    let arguments = [&["provision", "-i", "hosts", "web.yml"], arguments].concat();
    bed.inside(|| program.run(&arguments)).unwrap()
}

#[test]
fn a_machine_without_curl_and_wget_asks_through_us() {
    let bed = Bed::new().unwrap();
    let machines = vec![bed.machine("m1").without_downloaders().start().unwrap()];
    let m = &machines[0];
    serve(m);
    let program = project(&bed, &machines);
    program.file("web.yml", PLAY);
    let ran = run(&bed, &program, &["--output", "jsonl"]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.all(), m.root_says("cat /srv/said").unwrap());
    let seen = || {
        m.root_says(
            "stat -c '%a %n' /srv/small /srv/chunked; cmp /srv/www/large /srv/large; cat /srv/to/small /srv/to/packed; wc -c </srv/chunked
            find /srv /tmp -name '.*' ! -path /tmp ! -path /tmp/. -newer /srv/server.py -type f",
        )
        .unwrap()
    };
    let wanted = "640 /srv/small\n600 /srv/chunked\nhello\npacked\n1024000";
    assert_eq!(seen(), wanted);
    let asked = || m.root_says("cut -d' ' -f1,2 /srv/asked | sort | uniq -c | sed 's/^ *//'; : >/srv/asked").unwrap();
    let first = asked();
    assert!(first.contains("1 POST /echo") && first.contains("1 GET /www/large") && !first.contains("curl"), "{first}");

    // what is there, and is not newer on the server, does not come again
    let ran = run(&bed, &program, &[]);
    assert_eq!((ran.code, seen().as_str()), (Some(0), wanted), "{}", ran.all());
    let again = asked();
    assert!(again.contains("1 GET /www/sums") && !again.contains("/www/large"), "{again}");

    // where the server forbids it, it is refused, and the package is named
    m.root_says("echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/00-no.conf; kill -HUP \"$(cat /run/sshd.pid)\"; sleep 1").unwrap();
    let ran = run(&bed, &program, &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.all().contains("neither curl nor wget") && ran.all().contains("install the package curl"), "{}", ran.all());
}
