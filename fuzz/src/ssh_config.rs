//! Any bytes as ~/.ssh/config. Run by the fuzzer and, over the corpus, by `tests/all/fuzz_corpus.rs`.

use homelabctl::diagnostics::Source;
use homelabctl::transport::ssh_config::{Local, Lookup, SshConfig};

/// Reads the bytes and looks some hosts up.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let source = Source::new("config", text.as_ref());
    let config = match SshConfig::parse(std::slice::from_ref(&source)) {
        Ok((config, _)) => config,
        Err(errors) => {
            assert!(errors.has_errors());
            // Each is drawn with its line, so one is enough.
            assert!(errors.0.first().is_some_and(|error| !error.render(false).is_empty()));
            return;
        }
    };
    let env = [("SSH_AUTH_SOCK", "/agent"), ("A", "%h${A}")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let local = Local { home: "/home/me".into(), user: "me".into(), uid: 1000, host_name: "control.lan".into(), env: env.into() };
    // The text's first line as an option of the command line too.
    let options: Vec<String> = text.lines().take(1).map(str::to_owned).collect();
    for lookup in [
        Lookup { host: "node1.lan", ..Lookup::default() },
        Lookup { host: "10.1", user: Some("you"), port: Some(2222), ..Lookup::default() },
        Lookup { host: "node1.lan", options: &options, ..Lookup::default() },
    ] {
        let ask = |answer: bool| config.resolve(&lookup, &local, &mut |_| answer);
        for result in [ask(true), ask(false)] {
            match result {
                Ok(found) => {
                    assert!(found.port > 0 && found.connection_attempts > 0);
                    assert_eq!(found.original, lookup.host);
                    assert!(lookup.port.is_none_or(|port| port == found.port));
                    assert!(lookup.user.is_none_or(|user| user == found.user));
                }
                Err(errors) => assert!(errors.has_errors() && errors.0.first().is_some_and(|error| !error.render(false).is_empty())),
            }
        }
        assert_eq!(ask(true), ask(true));
    }
}
