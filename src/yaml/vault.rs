//! What `ansible-vault` encrypted: version 1.1 and 1.2 of its format, cipher AES256.
//!
//! Source: ansible-core's documentation, "Ansible Vault payload format": hexadecimal of three lines, each hexadecimal
//! again: a salt, a digest, the ciphertext. PBKDF2 (SHA-256, 10 000 rounds) makes two keys and a counter of the password and
//! the salt; the digest is HMAC-SHA-256 of the ciphertext; the cipher is AES-256 in counter mode, padded as PKCS#7 says.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use aes::Aes256;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use ring::{hmac, pbkdf2};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

/// What every encrypted text begins with.
const MARK: &str = "$ANSIBLE_VAULT";
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Whether a file or a value is encrypted.
pub fn is_encrypted(text: &str) -> bool {
    text.starts_with(MARK) && text.is_ascii()
}

/// Why something encrypted was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No password was given.
    #[error("no vault password was given")]
    NoPassword,
    /// None of the passwords opens it.
    #[error("the vault password does not open it")]
    WrongPassword,
    /// It is damaged, or was made by something else.
    #[error("it is not what ansible-vault writes: {0}")]
    Format(&'static str),
}

impl VaultError {
    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoPassword => "give it with --ask-vault-pass or --vault-password-file FILE",
            Self::WrongPassword => {
                "a value encrypted with another password needs that one too: --vault-id NAME@FILE may be given several times"
            }
            Self::Format(_) => "restore it, or encrypt the text again with `ansible-vault`",
        }
    }
}

/// The vault passwords of a run, in the order in which they are tried. What was opened is remembered: a password's key takes
/// ten thousand rounds, and a group's variable is asked for by each of its hosts.
#[derive(Default)]
pub struct Keys {
    keys: Vec<(String, SecretString)>,
    opened: Mutex<HashMap<Box<str>, Opened>>,
}

/// What an encrypted text turned out to be.
type Opened = Result<SecretBox<Vec<u8>>, VaultError>;

impl Keys {
    /// These, each with the id that it was given with (`default` if none was).
    pub fn new(keys: Vec<(String, SecretString)>) -> Self {
        Self { keys, opened: Mutex::default() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What was encrypted.
    ///
    /// # Errors
    /// As [`VaultError`] says.
    pub fn open(&self, text: &str) -> Result<Vec<u8>, VaultError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let result = opened.entry(text.into()).or_insert_with(|| self.decrypt(text).map(|plain| SecretBox::new(Box::new(plain))));
        result.as_ref().map(|plain| plain.expose_secret().clone()).map_err(|error| *error)
    }

    /// The same for a text.
    ///
    /// # Errors
    /// It is no text, or as [`VaultError`] says.
    pub fn open_text(&self, text: &str) -> Result<String, VaultError> {
        String::from_utf8(self.open(text)?).map_err(|_| VaultError::Format("what it holds is no UTF-8 text"))
    }

    /// Whether it is whole, as far as that can be seen without a password.
    ///
    /// # Errors
    /// [`VaultError::Format`].
    pub fn look(&self, text: &str) -> Result<(), VaultError> {
        Sealed::parse(text).map(drop)
    }

    fn decrypt(&self, text: &str) -> Result<Vec<u8>, VaultError> {
        let sealed = Sealed::parse(text)?;
        if self.keys.is_empty() {
            return Err(VaultError::NoPassword);
        }
        // those with the same id first
        let (same, others): (Vec<_>, Vec<_>) = self.keys.iter().partition(|(id, _)| *id == sealed.id);
        for (_, password) in same.into_iter().chain(others) {
            if let Some(plain) = sealed.open(password)? {
                return Ok(plain);
            }
        }
        Err(VaultError::WrongPassword)
    }
}

/// How many there are, and no more.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

/// An encrypted text's parts.
struct Sealed {
    id: String,
    salt: Vec<u8>,
    digest: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Sealed {
    fn parse(text: &str) -> Result<Self, VaultError> {
        if !is_encrypted(text) {
            return Err(VaultError::Format("it does not begin with $ANSIBLE_VAULT, or has letters in it that ASCII has not"));
        }
        let (header, body) = text.split_once('\n').ok_or(VaultError::Format("there is nothing but its first line"))?;
        let mut fields = header.trim().split(';');
        if fields.next() != Some(MARK) {
            return Err(VaultError::Format("its first line is not $ANSIBLE_VAULT;1.1;AES256"));
        }
        if !matches!(fields.next().map(str::trim), Some("1.1" | "1.2")) {
            return Err(VaultError::Format("only the versions 1.1 and 1.2 are known"));
        }
        if fields.next().map(str::trim) != Some("AES256") {
            return Err(VaultError::Format("only the cipher AES256 is known"));
        }
        let id = fields.next().map_or("default", str::trim).to_owned();
        let digits: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let inner = unhex(&digits)?;
        let mut lines = inner.splitn(3, |b| *b == b'\n');
        let mut line = || lines.next().ok_or(VaultError::Format("a part of it is missing")).and_then(unhex);
        Ok(Self { id, salt: line()?, digest: line()?, ciphertext: line()? })
    }

    /// `None` if the password is another one.
    fn open(&self, password: &SecretString) -> Result<Option<Vec<u8>>, VaultError> {
        let mut derived = [0_u8; 80];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &self.salt, password.expose_secret().as_bytes(), &mut derived);
        let (cipher_key, rest) = derived.split_at(32);
        let (digest_key, counter) = rest.split_at(32);
        if hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, digest_key), &self.ciphertext, &self.digest).is_err() {
            return Ok(None);
        }
        let mut plain = self.ciphertext.clone();
        let cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(cipher_key, counter);
        cipher.map_err(|_| VaultError::Format("its keys have another length"))?.apply_keystream(&mut plain);
        let padding = plain.last().copied().map_or(0, usize::from);
        let kept = plain.len().checked_sub(padding).filter(|_| (1..=16).contains(&padding));
        plain.truncate(kept.ok_or(VaultError::Format("its padding is wrong"))?);
        Ok(Some(plain))
    }
}

/// A text encrypted with a password, as `ansible-vault` writes it; `salt` is to be used once only.
///
/// # Errors
/// None that a text could bring about.
pub fn seal(text: &str, password: &SecretString, salt: &[u8], id: &str) -> Result<String, VaultError> {
    let mut derived = [0_u8; 80];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, password.expose_secret().as_bytes(), &mut derived);
    let (cipher_key, rest) = derived.split_at(32);
    let (digest_key, counter) = rest.split_at(32);
    let padding = 16 - text.len() % 16;
    let mut sealed = text.as_bytes().to_vec();
    sealed.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or(16), padding));
    let cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(cipher_key, counter);
    cipher.map_err(|_| VaultError::Format("its keys have another length"))?.apply_keystream(&mut sealed);
    let digest = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, digest_key), &sealed);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let body = hex([hex(salt), hex(digest.as_ref()), hex(&sealed)].join("\n").as_bytes());
    let lines: Vec<&str> = body.as_bytes().chunks(80).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let header = if id == "default" { format!("{MARK};1.1;AES256") } else { format!("{MARK};1.2;AES256;{id}") };
    Ok(format!("{header}\n{}\n", lines.join("\n")))
}

fn unhex(digits: &[u8]) -> Result<Vec<u8>, VaultError> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    let cut = digits.len() % 2 == 1 && digits.iter().all(u8::is_ascii_hexdigit);
    let why = if cut { "its end is missing" } else { "a letter in it is no hexadecimal digit" };
    digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().ok_or(VaultError::Format(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again() {
        for text in ["", "a secret", "exactly sixteen!", "äöü\n"] {
            let sealed = seal(text, &SecretString::from("pw"), b"salt", "dev").unwrap();
            assert!(sealed.starts_with("$ANSIBLE_VAULT;1.2;AES256;dev\n") && is_encrypted(&sealed), "{sealed}");
            let keys = |password: &str| Keys::new(vec![("dev".to_owned(), SecretString::from(password))]);
            assert_eq!(keys("pw").open_text(&sealed).unwrap(), text);
            assert!(keys("other").open_text(&sealed).is_err());
        }
    }

    /// Made by ansible-vault of ansible-core 2.19.14 with the password `correct horse`.
    const PLAIN: &str = "$ANSIBLE_VAULT;1.1;AES256\n\
        37373130663162316439313763363963366537626330656635323361333764643532373061306364\n\
        6531363734613563643762373563613063383361303362650a373462346261613532663038303037\n\
        30613131306261353965326565666336353836383131333665356363663237353865366361346637\n\
        3264303635303865350a646536643762613364663736343361396132333963666138656231633365\n\
        6563\n\
        ";
    /// The same with `other`, as `--vault-id dev@...`.
    const WITH_ID: &str = "$ANSIBLE_VAULT;1.2;AES256;dev\n\
        32303337623865316635303138306338363666393134393530313866626235633130303766663365\n\
        6630363336393261333764613037663263323930313662350a646330646530663737616434313235\n\
        30353734323262323332313830613064303830643835653265653932623336626335646330633434\n\
        6630313939313162360a336334373337663733633235383235363162666565616235656336663866\n\
        3363\n\
        ";

    fn keys(keys: &[(&str, &str)]) -> Keys {
        Keys::new(keys.iter().map(|(id, password)| ((*id).to_owned(), SecretString::from(*password))).collect())
    }

    #[test]
    fn what_ansible_vault_wrote() {
        let both = keys(&[("default", "correct horse"), ("dev", "other")]);
        assert_eq!(both.open_text(PLAIN).unwrap(), "a: 1\nb: \"ä\"\n");
        assert_eq!(both.open_text(WITH_ID).unwrap(), "secret");
        // an id only says which password is tried first
        assert_eq!(keys(&[("x", "wrong"), ("y", "other")]).open_text(WITH_ID).unwrap(), "secret");
        assert!(is_encrypted(PLAIN) && is_encrypted(WITH_ID) && !is_encrypted("a: $ANSIBLE_VAULT"));
    }

    #[test]
    fn what_does_not_open() {
        assert_eq!(keys(&[]).open(PLAIN), Err(VaultError::NoPassword));
        assert_eq!(keys(&[("default", "Correct horse")]).open(PLAIN), Err(VaultError::WrongPassword));
        let damaged = PLAIN.replacen("AES256\n3", "AES256\n4", 1);
        let error = keys(&[("default", "correct horse")]).open(&damaged);
        assert!(matches!(error, Err(VaultError::Format(_) | VaultError::WrongPassword)), "{error:?}");
        let odd = keys(&[("default", "other")]).open(&WITH_ID.replacen(";dev", ";dév", 1));
        assert!(matches!(odd, Err(VaultError::Format(_))), "{odd:?}");
        for text in [
            "$ANSIBLE_VAULT;1.1;AES256",
            "$ANSIBLE_VAULT;1.0;AES\n00",
            "$ANSIBLE_VAULT;1.1;AES\n00",
            "$ANSIBLE_VAULT;1.1;AES256\nxyz",
            "$ANSIBLE_VAULT;1.1;AES256\n3030",
            "x\ny",
        ] {
            assert!(matches!(keys(&[("default", "x")]).open(text), Err(VaultError::Format(_))), "{text}");
        }
    }

    proptest::proptest! {
        // each takes as long as a password
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn whatever_is_damaged_stays_closed(at in 0..PLAIN.len(), digit in "[0-9a-f]", cut in 0..PLAIN.len()) {
            let keys = keys(&[("default", "correct horse")]);
            let mut changed = PLAIN.to_owned();
            changed.replace_range(at..=at, &digit);
            // white space, the case of digits and which of the versions it is mean nothing; the body's digits stand for digits
            let meaning = |text: &str| {
                let (head, body) = text.split_once('\n').unwrap_or((text, ""));
                let digits: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                (head.replace("1.2", "1.1"), unhex(&digits).ok().map(|digits| digits.to_ascii_lowercase()))
            };
            let same = |text: &str| meaning(text) == meaning(PLAIN);
            for text in [changed.as_str(), &PLAIN[..cut]] {
                assert!(same(text) || keys.open(text).is_err(), "{text}");
            }
        }
    }
}
