//! Values as they stand in real inventories.

use super::*;
use crate::diagnostics::Source;

fn of(text: &str) -> SshArguments {
    parse(&Source::new("hosts.yml", text).whole()).unwrap_or_else(|errors| panic!("{text}:\n{errors}"))
}

fn errors(text: &str) -> String {
    parse(&Source::new("hosts.yml", text).whole()).map(|found| format!("{found:?}")).unwrap_err().to_string()
}

#[test]
fn values_of_real_inventories() {
    for (text, options) in [
        ("", vec![]),
        ("  \n ", vec![]),
        ("-C -o ControlMaster=auto -o ControlPersist=60s", vec![]),
        ("-o ControlMaster=auto -o ControlPersist=30m -o ControlPath=/tmp/ansible-%r@%h:%p -o ForwardAgent=yes", vec!["ForwardAgent=yes"]),
        (r#"-o ProxyCommand="ssh -W %h:%p -q bastion""#, vec!["ProxyCommand=ssh -W %h:%p -q bastion"]),
        (r#"-o 'ProxyCommand=ssh -i ~/.ssh/id -W "%h:%p" pat@10.0.0.1'"#, vec![r#"ProxyCommand=ssh -i ~/.ssh/id -W "%h:%p" pat@10.0.0.1"#]),
        ("-oProxyCommand='nc -X 5 -x localhost:1080 %h %p'", vec!["ProxyCommand=nc -X 5 -x localhost:1080 %h %p"]),
        (
            "-o ProxyJump=jump@bastion:2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            vec!["ProxyJump=jump@bastion:2222", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"],
        ),
        ("-J jump@bastion:2222", vec!["ProxyJump=jump@bastion:2222"]),
        ("-Ja,b -4", vec!["AddressFamily=inet", "ProxyJump=a,b"]),
        (r#"-o "ConnectTimeout 5" -o 'ServerAliveInterval = 30'"#, vec!["ConnectTimeout 5", "ServerAliveInterval = 30"]),
        ("-o PreferredAuthentications=publickey -o IdentitiesOnly=yes", vec!["PreferredAuthentications=publickey", "IdentitiesOnly=yes"]),
        (
            "-o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=+ssh-rsa",
            vec!["HostKeyAlgorithms=+ssh-rsa", "PubkeyAcceptedAlgorithms=+ssh-rsa"],
        ),
        (
            "-o KexAlgorithms=+diffie-hellman-group1-sha1 -c aes256-cbc -m hmac-sha1",
            vec!["MACs=hmac-sha1", "Ciphers=aes256-cbc", "KexAlgorithms=+diffie-hellman-group1-sha1"],
        ),
        ("-tt -q -vvv -x -T -n -k -K -g -y -S none -E /tmp/log -e none", vec![]),
        ("-o AddressFamily=any -6 -b ::1", vec!["BindAddress=::1", "AddressFamily=inet6", "AddressFamily=any"]),
        ("-Aa", vec!["ForwardAgent=no", "ForwardAgent=yes"]),
        ("-qvo LogLevel=ERROR", vec!["LogLevel=ERROR"]),
        ("-I '/usr/lib/a b.so' -P prod", vec!["Tag=prod", "PKCS11Provider=\"/usr/lib/a b.so\""]),
    ] {
        let found = of(text);
        assert_eq!(found.options, options, "{text}");
        assert_eq!(found.options.len(), found.places.len());
        assert_eq!(found.warnings, Diagnostics::new(), "{text}");
    }
}

#[test]
fn of_users_and_ports_the_first_one_counts() {
    let found = of("-p 2222 -l pat -i ~/.ssh/a -i'~/.ssh/b c' -o Port=22 -o User=root");
    assert_eq!((found.port, found.user.as_deref()), (Some(2222), Some("pat")));
    assert_eq!(found.identity_files, ["~/.ssh/a", "~/.ssh/b c"]);
    assert!(found.options.is_empty());
    let found = of("-oport=ssh -o 'USER root' -p2222 -l pat");
    assert_eq!((found.port, found.user.as_deref()), (Some(22), Some("root")));
    // those who read the file know what is wrong with it
    assert_eq!(of("-o Port=many -o 'User=\"a b\"'").options, ["Port=many", "User=\"a b\""]);
}

#[test]
fn what_is_missed_is_named() {
    let found = of("-L 8080:localhost:80 -D1080 -f");
    let drawn = found.warnings.to_string();
    assert!(found.options.is_empty());
    insta::assert_snapshot!(drawn);
}

#[test]
fn what_ssh_would_not_understand_or_would_connect_otherwise() {
    // Ansible drops the empty word, so ssh takes the next one for the value
    assert!(errors("-o '' -o Compression=no").contains("`Compression=no` is no option of ssh"));
    let all = [
        "-o ProxyCommand=ssh -W %h:%p bastion",
        "-F ./ssh.cfg -o ControlMaster=auto",
        "-W %h:%p -N -s",
        "-p 0 -Z --port 22 -",
        "-o ProxyCommand=none -J a",
        "-J a -J b",
        "-C -o",
        "-o 'x",
    ];
    let drawn: Vec<String> = all.iter().map(|text| errors(text)).collect();
    insta::assert_snapshot!(drawn.join("\n\n"));
}

#[test]
fn a_place_in_an_option_is_found_again() {
    let found = of("-C -o Foo=bar -oBaz=1 -o 'Q=\"x y\"'");
    let in_option = |text: &str, span| Source::new("-o", text).at(span);
    let line_column = |place: Option<Place>| place.map(|place| (place.source.name.to_string(), place.span));
    assert_eq!(line_column(found.place_of(&in_option("Foo=bar", 4..7))), Some(("hosts.yml".into(), 10..13)));
    assert_eq!(line_column(found.place_of(&in_option("Baz=1", 0..99))), Some(("hosts.yml".into(), 16..21)));
    assert_eq!(line_column(found.place_of(&in_option("Q=\"x y\"", 2..7))), Some(("hosts.yml".into(), 25..34)));
    assert_eq!(found.place_of(&in_option("ConnectTimeout=5", 0..1)), None);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[-a-zA-Z0-9 '\"\\\\=äß#]{0,40}") {
        if let Ok(found) = parse(&Source::new("x", text.as_str()).whole()) {
            for (option, place) in found.options.iter().zip(&found.places) {
                proptest::prop_assert!(text.get(place.span.clone()).is_some());
                proptest::prop_assert!(found.place_of(&Source::new("-o", option.as_str()).at(0..option.len())).is_some());
            }
        }
    }
}
