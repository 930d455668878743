//! The command that starts a shell's loop, as the login user or through sudo.
//!
//! The command line is read by whatever login shell the user has (bash, fish, csh), so it is one line of words in single
//! quotes without a backslash, quote, exclamation mark or line end in them: those mean the same in all of them.

use secrecy::SecretString;

use super::Nonce;

/// As whom a shell runs.
#[derive(Debug, Clone)]
pub enum Become {
    /// As the login user.
    No,
    /// As another user, through sudo; through nothing, if the login user is that user already.
    Sudo {
        /// The user to become.
        user: String,
        /// What to answer if sudo asks.
        password: Option<SecretString>,
    },
}

impl Become {
    /// As root, through sudo.
    pub fn root(password: Option<SecretString>) -> Self {
        Self::Sudo { user: "root".into(), password }
    }
}

/// Why sudo did not give us a shell. `said` is sudo's own text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SudoError {
    /// It wants a password and has not got one.
    #[error("sudo wants a password")]
    PasswordNeeded,
    /// It was given one and asked again.
    #[error("sudo does not accept the password")]
    WrongPassword,
    /// It is set up to work from a terminal only.
    #[error("sudo wants a terminal (requiretty): {said}")]
    TerminalNeeded {
        /// Sudo's words.
        said: String,
    },
    /// This user may not.
    #[error("sudo refuses the user: {said}")]
    Refused {
        /// Sudo's words.
        said: String,
    },
    /// There is no sudo.
    #[error("there is no sudo: {said}")]
    Missing {
        /// The shell's words.
        said: String,
    },
    /// It waits for something that is not the password it was started to ask for.
    #[error("sudo waits for something else than a password: {said}")]
    Waits {
        /// What was printed last.
        said: String,
    },
    /// Something else.
    #[error("sudo did not start a shell (status {status}): {said}")]
    Other {
        /// Its exit status.
        status: u32,
        /// Its words.
        said: String,
    },
    /// Not a user name that could be passed on.
    #[error("`{0}` is not a user name")]
    BadUser(String),
}

impl SudoError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::PasswordNeeded => "give it with -K or --become-password-file, or allow this user NOPASSWD in sudoers",
            Self::WrongPassword => "check the password given with -K, --become-password-file or ansible_become_password",
            Self::TerminalNeeded { .. } => "remove `Defaults requiretty` from sudoers for this user",
            Self::Refused { .. } => "add the user to the sudo group, or connect as one who is in it (-u)",
            Self::Missing { .. } => "install sudo, or connect as root (-u root)",
            Self::Waits { .. } => "log in as root, or let this user become root without a second factor",
            Self::Other { .. } => "run the same sudo by hand on the host to see more",
            Self::BadUser(_) => "--become-user takes a login name",
        }
    }

    /// Reads sudo's words. They are in English unless the host's own locale says otherwise; then the status decides.
    pub(crate) fn from_words(status: u32, said: &str) -> Self {
        let said = said.trim().to_owned();
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if has(&["must have a tty", "terminal is required to read", "no tty present"]) && !has(&["password is required"]) {
            Self::TerminalNeeded { said }
        } else if has(&["a password is required"]) {
            Self::PasswordNeeded
        } else if has(&["incorrect password attempt", "Sorry, try again"]) {
            Self::WrongPassword
        } else if has(&["not in the sudoers file", "may not run sudo", "is not allowed to", "unknown user"]) {
            Self::Refused { said }
        } else if matches!(status, 126 | 127) {
            Self::Missing { said }
        } else {
            Self::Other { status, said }
        }
    }
}

/// The marks of one start.
#[derive(Debug)]
pub(crate) struct Start {
    /// Printed when the loop runs.
    pub ready: Nonce,
    /// Sudo's prompt: only after it was seen is a password sent, so it can never reach a shell.
    pub prompt: Nonce,
}

impl Start {
    pub(crate) fn new() -> Self {
        Self { ready: Nonce::new(), prompt: Nonce::new() }
    }

    /// The command line.
    pub(crate) fn command(&self, become_: &Become) -> Result<String, SudoError> {
        let script = self.script();
        match become_ {
            Become::No => Ok(format!("/bin/sh -c '{script}'")),
            Become::Sudo { user, password } => {
                let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
                if user.is_empty() || user.starts_with('-') || !user.chars().all(fine) {
                    return Err(SudoError::BadUser(user.clone()));
                }
                let ask = match password {
                    // in two halves: whoever shows the command line does not show the prompt, so nothing but sudo itself
                    // can make us send a password
                    Some(_) => format!("-S -p {}", halves(self.prompt.as_str())),
                    None => "-n".into(),
                };
                // the loop travels as $0, so that it need not be quoted twice
                Ok(format!(
                    "/bin/sh -c 'if test \"$(id -un)\" = {user}; then exec /bin/sh -c \"$0\"; \
                     else exec sudo -H {ask} -u {user} -- /bin/sh -c \"$0\"; fi' '{script}'"
                ))
            }
        }
    }

    /// Prints the ready mark, then reads `<length> <nonce> <input>` lines, then a script of that length, and runs it in a child shell, so that `exit`,
    /// `cd`, `set -e` and `umask` stay in the child. The script's own standard input is empty; with `input` it is what
    /// follows on the channel, and the loop ends with it: bytes left over must never be read as a script. A line that is
    /// no such header (a password that nobody asked for) ends it too. Each mark is one write, so that nothing that an
    /// earlier script left running can come between a mark and its line's beginning.
    fn script(&self) -> String {
        let ready = &self.ready;
        format!(
            "echo; echo {ready} ready; e=$(echo; echo .); e=${{e%.}}; \
             while read -r n k i; do \
             test \"$n\" -gt 0 2>/dev/null && test ${{#k}} = 32 || exit 1; s=$(head -c \"$n\"); \
             echo \"$k begin\"; echo \"$k begin\" >&2; \
             if test \"$i\" = 1; then (eval \"$s\"); r=$?; else (eval \"$s\") </dev/null; r=$?; fi; \
             echo \"$e$k end $r\"; echo \"$e$k end\" >&2; \
             if test \"$i\" = 1; then exit 0; fi; done"
        )
    }
}

/// A word that a shell reads as `word`, and that does not hold `word`.
fn halves(word: &str) -> String {
    let (a, b) = word.split_at_checked(word.len() / 2).unwrap_or((word, ""));
    format!("{a}\"\"{b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_means_the_same_in_every_login_shell() {
        for become_ in [Become::No, Become::root(None), Become::root(Some("x".to_owned().into()))] {
            let command = Start::new().command(&become_).unwrap();
            assert!(!command.contains(['\\', '!', '\n']), "{command}");
            assert_eq!(command.matches('\'').count() % 2, 0);
            assert!(command.len() < 1000, "csh takes 1024 bytes a line at worst: {}", command.len());
        }
    }

    #[test]
    fn a_password_is_never_in_argv() {
        let command = Start::new().command(&Become::root(Some("correct horse".to_owned().into()))).unwrap();
        assert!(!command.contains("horse"));
    }

    #[test]
    fn the_command_line_does_not_hold_sudos_prompt() {
        let start = Start::new();
        let command = start.command(&Become::root(Some("x".to_owned().into()))).unwrap();
        assert!(!command.contains(start.prompt.as_str()));
        let (a, b) = start.prompt.as_str().split_at(16);
        assert!(command.contains(a) && command.contains(b));
    }

    #[test]
    fn a_user_name_cannot_carry_a_command() {
        for user in ["", "-x", "a b", "a;b", "$(x)", "a'b", "ä"] {
            let become_ = Become::Sudo { user: user.into(), password: None };
            assert_eq!(Start::new().command(&become_), Err(SudoError::BadUser(user.into())));
        }
    }

    #[test]
    fn sudos_words_are_told_apart() {
        let kind = |status, said| SudoError::from_words(status, said);
        assert_eq!(kind(1, "sudo: a password is required\n"), SudoError::PasswordNeeded);
        assert!(matches!(kind(1, "sudo: sorry, you must have a tty to run sudo"), SudoError::TerminalNeeded { .. }));
        assert!(matches!(kind(1, "pat is not in the sudoers file."), SudoError::Refused { .. }));
        assert!(matches!(kind(1, "Sorry, user pat may not run sudo on m1."), SudoError::Refused { .. }));
        assert!(matches!(kind(127, "/bin/sh: 1: exec: sudo: not found"), SudoError::Missing { .. }));
        assert!(matches!(kind(1, "sudo: Benötigt ein Passwort"), SudoError::Other { status: 1, .. }));
    }
}
