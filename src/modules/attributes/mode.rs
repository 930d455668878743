//! `mode`: octal, as a number, or symbolic as chmod(1) has it (set_mode_if_different of module_utils/basic.py).

use serde_json::Value;

/// What a `mode` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModeChange {
    /// These bits.
    Exact(u32),
    /// What this makes of the bits that are there.
    Symbolic(Vec<Clause>),
}

/// One operation of a symbolic mode for one or all of user, group and others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Letters of `ugo`.
    users: String,
    /// Whether nobody was named: the umask's bits are left alone.
    is_masked: bool,
    /// `+`, `-` or `=`.
    operator: char,
    /// Letters of `rwxXstugo`.
    permissions: String,
}

const NOT_A_MODE: &str = "mode must be in octal or symbolic form";

impl ModeChange {
    /// Reads an option's value.
    ///
    /// A number is what YAML made of it: `0644` is 420, which is meant, and `644` is 01204, which nobody means.
    ///
    /// # Errors
    /// What is wrong with it, and what may be meant.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => {
                let number = number.as_u64().and_then(|number| u32::try_from(number).ok()).ok_or(NOT_A_MODE)?;
                exact(number, meant(number))
            }
            Value::String(text) => match octal(text) {
                Some(number) => exact(number, None),
                None => symbolic(text).map(Self::Symbolic),
            },
            _ => Err(NOT_A_MODE.into()),
        }
    }

    /// The bits of what has these `bits` now.
    pub fn apply(&self, bits: u32, is_directory: bool, umask: u32) -> u32 {
        match self {
            Self::Exact(bits) => *bits,
            Self::Symbolic(clauses) => clauses.iter().fold(bits, |bits, clause| clause.apply(bits, is_directory, umask)),
        }
    }

    /// Whether the result depends on the umask.
    pub fn needs_umask(&self) -> bool {
        matches!(self, Self::Symbolic(clauses) if clauses.iter().any(|clause| clause.is_masked))
    }
}

fn exact(number: u32, meant: Option<String>) -> Result<ModeChange, String> {
    match meant {
        Some(digits) => Err(format!(
            "mode: {digits} is a decimal number, which is the mode {number:04o}; write \"0{digits}\" in quotes for what is probably meant"
        )),
        None if number > 0o7777 => Err("Invalid mode supplied, only permission info is allowed".into()),
        None => Ok(ModeChange::Exact(number)),
    }
}

/// The digits of a number that was probably meant to be octal: read so they make sense, and as they are they make none,
/// or (400 and 500 are 0620 and 0764) less.
fn meant(number: u32) -> Option<String> {
    let digits = number.to_string();
    let octal = u32::from_str_radix(&digits, 8).ok().filter(|octal| *octal != number && *octal <= 0o7777)?;
    (is_usual(octal) && (!is_usual(number) || matches!(number, 400 | 500))).then_some(digits)
}

/// Whether the owner may read it and do all that the group may, and the group all that others may.
fn is_usual(bits: u32) -> bool {
    let (user, group, other) = (bits >> 6 & 7, bits >> 3 & 7, bits & 7);
    bits <= 0o7777 && (user & 4 != 0 || bits == 0) && user & group == group && group & other == other
}

/// As Python's `int(text, 8)`.
fn octal(text: &str) -> Option<u32> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix("0O")).unwrap_or(text);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u32::from_str_radix(digits, 8).ok()
}

fn symbolic(text: &str) -> Result<Vec<Clause>, String> {
    let bad = |part: &str| format!("{NOT_A_MODE}: bad symbolic permission for mode: {part}");
    let mut clauses = Vec::new();
    for part in text.split(',') {
        let operators = || part.match_indices(['+', '=', '-']);
        let users = operators().next().map_or(part, |(at, _)| part.get(..at).unwrap_or_default());
        let is_masked = users.is_empty();
        let users = if is_masked || users == "a" { "ugo" } else { users };
        if !users.chars().all(|c| "ugo".contains(c)) {
            return Err(bad(part));
        }
        for (at, operator) in operators() {
            let rest = part.get(at + 1..).unwrap_or_default();
            let permissions = rest.split(['+', '=', '-']).next().unwrap_or_default();
            if !permissions.chars().all(|c| "rwxXstugo".contains(c)) {
                return Err(bad(part));
            }
            let operator = operator.chars().next().unwrap_or('+');
            clauses.push(Clause { users: users.into(), is_masked, operator, permissions: permissions.into() });
        }
    }
    Ok(clauses)
}

impl Clause {
    fn apply(&self, bits: u32, is_directory: bool, umask: u32) -> u32 {
        self.users.chars().fold(bits, |bits, user| {
            let given = self.given(user, bits, is_directory, umask);
            match self.operator {
                '+' => bits | given,
                '-' => bits & !given,
                _ => bits & !all_of(user) | given,
            }
        })
    }

    /// The bits that the letters stand for, for one of user, group and others.
    fn given(&self, user: char, bits: u32, is_directory: bool, umask: u32) -> u32 {
        let shift = shift(user);
        let free = if self.is_masked { !umask } else { !0 };
        let bit = |letter| match letter {
            'r' => (4 << shift) & free,
            'w' => (2 << shift) & free,
            'x' => (1 << shift) & free,
            'X' if is_directory || bits & 0o111 != 0 => 1 << shift,
            's' if user == 'u' => 0o4000,
            's' if user == 'g' => 0o2000,
            't' if user == 'o' => 0o1000,
            'u' | 'g' | 'o' => (bits >> self::shift(letter) & 7) << shift,
            _ => 0,
        };
        self.permissions.chars().fold(0, |given, letter| given | bit(letter))
    }
}

fn shift(user: char) -> u32 {
    match user {
        'u' => 6,
        'g' => 3,
        _ => 0,
    }
}

fn all_of(user: char) -> u32 {
    match user {
        'u' => 0o4700,
        'g' => 0o2070,
        _ => 0o1007,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(mode: &str, bits: u32, is_directory: bool) -> String {
        format!("{:04o}", ModeChange::parse(&json!(mode)).unwrap().apply(bits, is_directory, 0o022))
    }

    #[test]
    fn numbers_and_octal_texts() {
        for value in [json!("0644"), json!("644"), json!("0o644"), json!(" 0644 "), json!(0o644)] {
            assert_eq!(ModeChange::parse(&value), Ok(ModeChange::Exact(0o644)), "{value}");
        }
        for mode in [0, 0o400, 0o600, 0o640, 0o644, 0o660, 0o700, 0o711, 0o750, 0o755, 0o770, 0o775, 0o777, 0o1777, 0o2755, 0o4755, 0o2770]
        {
            assert_eq!(ModeChange::parse(&json!(mode)), Ok(ModeChange::Exact(mode)), "{mode:o}");
        }
    }

    #[test]
    fn a_decimal_number_that_looks_octal_is_refused() {
        for mode in [400, 440, 444, 500, 600, 640, 644, 660, 664, 700, 710, 711, 750, 755, 770, 775, 777, 1777, 2755, 2770, 4755] {
            let why = ModeChange::parse(&json!(mode)).unwrap_err();
            assert!(why.contains(&format!("\"0{mode}\"")), "{why}");
        }
        assert!(ModeChange::parse(&json!(644)).unwrap_err().contains("the mode 1204"));
        assert!(ModeChange::parse(&json!(99999)).unwrap_err().contains("only permission info"));
        for value in [json!(true), json!([1]), json!(6.5), json!("hello"), json!("ux+r"), json!("u+q"), json!("-644")] {
            assert!(ModeChange::parse(&value).unwrap_err().contains("octal or symbolic"), "{value}");
        }
    }

    // values from chmod(1) where it agrees with Ansible, else from Ansible's own code
    #[test]
    fn symbolic_modes() {
        assert_eq!(apply("u+rwX,go-w", 0o066, false), "0644");
        assert_eq!(apply("u=rwX,g=rX,o=", 0o644, false), "0640");
        assert_eq!(apply("u=rwX,g=rX,o=", 0o644, true), "0750");
        assert_eq!(apply("a=rX", 0o710, false), "0555");
        assert_eq!(apply("g=u,o=g", 0o640, false), "0666");
        assert_eq!(apply("+t,u+s,g+s", 0o755, true), "7755");
        assert_eq!(apply("u=rwx", 0o4755, true), "0755");
        assert_eq!(apply("u=rw-x+X,g=r-x+X,o=r-x+X", 0o755, true), "0755");
        assert_eq!(apply("", 0o644, false), "0644");
    }

    #[test]
    fn without_a_user_the_umask_counts() {
        assert_eq!(apply("+w", 0o444, false), "0644");
        assert_eq!(apply("a+w", 0o444, false), "0666");
        assert_eq!(apply("=rw", 0o777, false), "0644");
        assert!(ModeChange::parse(&json!("+w")).unwrap().needs_umask());
        assert!(!ModeChange::parse(&json!("a+w")).unwrap().needs_umask());
    }
}
