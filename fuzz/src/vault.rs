//! Any text as what ansible-vault encrypted. Run by the fuzzer and, over the corpus, by `tests/all/fuzz_corpus.rs`.

use homelabctl::yaml::{Keys, VaultError, is_encrypted};
use secrecy::SecretString;

/// What the corpus holds in an encrypted form; nothing else can come out without the passwords.
const KNOWN: [&str; 2] = ["a: 1\nb: \"ä\"\n", "secret"];

/// Opens the text.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let key = |id: &str, password: &str| (id.to_owned(), SecretString::from(password));
    let keys = Keys::new(vec![key("default", "correct horse"), key("dev", "other")]);
    let opened = keys.open_text(&text);
    assert_eq!(opened, keys.open_text(&text));
    match opened {
        Ok(plain) => assert!(is_encrypted(&text) && KNOWN.contains(&plain.as_str()), "{text:?}"),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            // it is damaged, whatever the password
            let nobody = Keys::default().open(&text);
            assert_eq!(nobody, Err(if matches!(error, VaultError::Format(_)) { error } else { VaultError::NoPassword }));
        }
    }
}
