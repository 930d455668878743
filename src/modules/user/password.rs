//! Password hashes, crypt(5).

use sha2::Digest;

/// What to write instead of a password.
const HINT: &str = "`password` is the hash of a password, and this is none. Write \
     password: \"{{ 'the password' | password_hash('sha512', 'somesalt') }}\" with the password from a vault, \
     or what `mkpasswd -m yescrypt` prints; '!' is for no password";

/// Whether that can stand in shadow(5). A password in plain text there would be nobody's password, and Ansible only warns.
///
/// # Errors
/// What to write instead.
pub(super) fn check(hash: &str) -> Result<(), String> {
    if hash.is_empty() {
        return Err("an empty `password` lets everybody in: write '!' for no password, or leave the option out".into());
    }
    let bare = hash.trim_start_matches('!');
    if bare.chars().all(|c| c == '*') {
        return Ok(());
    }
    let fields: Vec<&str> = bare.split('$').collect();
    let (Some(&""), Some(kind), Some(digest)) = (fields.first(), fields.get(1), fields.last().filter(|_| fields.len() >= 3)) else {
        return Err(HINT.into());
    };
    let length = match *kind {
        "1" => Some(22),
        "5" | "y" => Some(43),
        "6" => Some(86),
        _ => None,
    };
    let good = digest.chars().all(|c| c.is_ascii_alphanumeric() || "./=".contains(c)) && !bare.contains([':', '*', '!', '\n']);
    if good && !digest.is_empty() && length.is_none_or(|length| length == digest.len()) { Ok(()) } else { Err(HINT.into()) }
}

/// As [`crate::node::facts::ShadowEntry`] has it.
pub(super) fn digest(hash: &str) -> String {
    sha2::Sha256::digest(hash.trim_start_matches('!')).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_taken_and_passwords_are_not() {
        let long = |kind: &str, length| format!("${kind}$salt${}", "a./=".repeat(30).get(..length).unwrap());
        for good in ["!", "*", "!!", "*************", "!*", &long("6", 86), &long("5", 43), &long("1", 22), "$2b$10$abcdefghijklmnopqrstuv"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check(&format!("!{}", long("6", 86))), Ok(()));
        assert_eq!(check(&format!("$y$j9T$salt${}", "a".repeat(43))), Ok(()));
        for bad in ["secret", "pa$$word", "$6$salt$short", "a$6$salt$x", &long("6", 85), "$6$", "x!", "$6$s:t$aaaa", "$7$a$b c"] {
            assert!(check(bad).unwrap_err().contains("password_hash"), "{bad}");
        }
        assert!(check("").unwrap_err().contains("lets everybody in"));
    }

    #[test]
    fn a_lock_is_no_part_of_a_hash() {
        assert_eq!(digest("!!x"), digest("x"));
        assert_eq!(digest("!"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
