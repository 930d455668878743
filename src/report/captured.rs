//! What a program wrote, which need not be text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Secrets;

/// What a program wrote to one of its streams. Holds no registered secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Captured {
    /// It as text; bytes that are not UTF-8 are shown as U+FFFD.
    pub text: String,
    /// It to the byte, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl Captured {
    /// What was written, without the secrets.
    pub fn new(bytes: &[u8], secrets: &Secrets) -> Self {
        // redacted before it is turned into anything else: no encoding of ours can hide a secret from the search
        let bytes = secrets.redact_bytes(bytes);
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, base64: None },
            Err(not_text) => {
                Self { text: String::from_utf8_lossy(not_text.as_bytes()).into_owned(), base64: Some(STANDARD.encode(not_text.as_bytes())) }
            }
        }
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_beside_the_text() {
        let captured = Captured::new(b"a\xffb", &Secrets::default());
        assert_eq!(captured.text, "a\u{fffd}b");
        assert_eq!(captured.base64.as_deref(), Some("Yf9i"));
        assert_eq!(Captured::new("ä".as_bytes(), &Secrets::default()), Captured { text: "ä".into(), base64: None });
    }

    #[test]
    fn a_secret_beside_bytes_that_are_no_text_is_gone_from_both() {
        let secrets = Secrets::default();
        assert_eq!(secrets.register("hunter22"), super::super::Registered::Hidden);
        let captured = Captured::new(b"\xffhunter22", &secrets);
        assert_eq!(captured.text, "\u{fffd}***");
        assert_eq!(captured.base64.as_deref(), Some("/yoqKg=="));
    }
}
