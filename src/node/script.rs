//! The only place where shell text is made.
//!
//! A script is a preamble, the shell functions it needs (constants, once each) and calls of them. Values enter a script
//! as quoted words of a call and in no other way, so no value can become shell text. All of it is POSIX sh: dash, bash
//! and busybox ash run it alike. The frame's nonce is in `$k` when a script runs; every answer is a record (see
//! [`super::record`]).
//!
//! # For who writes a shell function
//! * It takes its values as `"$@"`; `set -fu` is on (no globbing, unset variables are errors), IFS is the usual one.
//! * `take PROGRAM…` runs a program (no function) that only reads: its output goes to `$r`, status 0; on failure its complaint goes to
//!   `$err` and the output it made all the same stays in `$r`. One fork where nothing fails.
//! * `answer INDEX STATUS` sends `$r` as the payload of a record: 0 = present, [`ABSENT`] = absent, else unknown with
//!   the payload as the reason. While `$checking` is set it compares with what is expected instead, by builtins only,
//!   sets `$moved` and answers only where it differs.
//! * `$checked` counts the answers compared so far: a probe that died in the middle compared nothing, which is not "the same".
//! * `$login_path` and `$login_lc_all` are what the login had; a person's own programs get them back.
//! * `mark INDEX` cuts the error stream: what follows on it belongs to that index.

use std::fmt::Write;

/// The status by which a shell function says that there positively is no such thing.
pub const ABSENT: i32 = 44;

/// A shell function: text that never changes.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its definition, `name() { …; }`.
    pub text: &'static str,
    /// The functions that it calls.
    pub needs: &'static [&'static Function],
}

/// A value with a NUL in it, which no shell word can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a NUL character in {0:?}")]
pub struct Nul(pub String);

/// `word` as one word of POSIX shell, whatever is in it.
///
/// # Errors
/// [`Nul`].
pub fn quote(word: &str) -> Result<String, Nul> {
    if word.contains('\0') {
        return Err(Nul(word.into()));
    }
    Ok(format!("'{}'", word.replace('\'', r"'\''")))
}

/// What every script starts with.
const PREAMBLE: &str = r#"login_path=${PATH-} login_lc_all=${LC_ALL-}
LC_ALL=C PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
set -fu
nl='
'
tab='	'
ifs=" $tab$nl" IFS=$ifs
odd="*[!$tab$nl -~]*"
checking= checked=0 moved= err=
mark() { printf '@%s %s\n' "$k" "$1" >&2; }
take() {
  r=$(exec "$@" 2>/dev/null) && { err= st=0; return 0; }
  st=$?
  err=$(exec "$@" 2>&1 >/dev/null)
  err=${err:-$1 ended with status $st}
  return "$st"
}
answer() {
  case $r in
  $odd|base64:*) r=base64:$(printf %s "$r" | base64) || { r="base64 is missing"; set -- "$1" 1; } ;;
  esac
  if [ -n "$checking" ]; then
    checked=$((checked + 1))
    eval "w=\$w$1"
    case $2 in
    0|44) [ "$2 $r" != "$w" ] || return 0 ;;
    *) [ "$w" != unknown ] || return 0 ;;
    esac
    moved=1
  fi
  printf '@%s %s %s %s\n%s\n' "$k" "$1" "$2" "${#r}" "$r"
}
"#;

/// A script in the making.
#[derive(Debug, Default, Clone)]
pub struct Script {
    functions: Vec<&'static Function>,
    body: String,
    next: u32,
}

impl Script {
    /// A script that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next index that no record has yet.
    pub fn next_index(&mut self) -> u32 {
        let index = self.next;
        self.next += 1;
        index
    }

    /// Makes sure that `function` and all that it needs are defined.
    pub fn define(&mut self, function: &'static Function) {
        if self.functions.iter().any(|known| known.name == function.name) {
            return;
        }
        for needed in function.needs {
            self.define(needed);
        }
        self.functions.push(function);
    }

    /// A call of `function` with `words` as its `"$@"`.
    ///
    /// # Errors
    /// [`Nul`]; nothing is added then.
    pub fn call<W: AsRef<str>>(&mut self, function: &'static Function, words: impl IntoIterator<Item = W>) -> Result<(), Nul> {
        let words = words.into_iter().map(|word| quote(word.as_ref())).collect::<Result<Vec<_>, _>>()?;
        self.define(function);
        self.body.push_str(function.name);
        for word in words {
            let _ = write!(self.body, " {word}");
        }
        self.body.push('\n');
        Ok(())
    }

    /// Sets a variable.
    ///
    /// # Errors
    /// [`Nul`]; nothing is added then.
    pub fn set(&mut self, variable: &'static str, value: &str) -> Result<(), Nul> {
        let _ = writeln!(self.body, "{variable}={}", quote(value)?);
        Ok(())
    }

    /// Sets what `answer` expects of `index` while `$checking` is on.
    pub(super) fn expect(&mut self, index: u32, wanted: &str) -> Result<(), Nul> {
        let _ = writeln!(self.body, "w{index}={}", quote(wanted)?);
        Ok(())
    }

    /// Constant shell text, e.g. `[ -z "$moved" ] || exit 75`.
    pub fn text(&mut self, text: &'static str) {
        self.body.push_str(text);
        self.body.push('\n');
    }

    /// Cuts the error stream: what follows on it belongs to `index`.
    pub fn mark(&mut self, index: u32) {
        let _ = writeln!(self.body, "mark {index}");
    }

    /// Takes what it does so far out of it, to put something before it.
    pub(super) fn take_body(&mut self) -> String {
        std::mem::take(&mut self.body)
    }

    /// Puts back what [`Script::take_body`] took.
    pub(super) fn put_body(&mut self, body: &str) {
        self.body.push_str(body);
    }

    /// The whole text.
    pub fn finish(&self) -> String {
        let mut text = String::from(PREAMBLE);
        for function in &self.functions {
            text.push_str(function.text.trim());
            text.push('\n');
        }
        text.push_str(&self.body);
        text
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::super::record::Records;
    use super::super::testing::{SHELLS, run};
    use super::*;

    fn arbitrary_text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[ '\"\\\\$`!*?\\[\\]{}~#&;|<>()\n\t\r\u{81}\u{88}é-]{0,40}"].prop_map(|s| s.replace('\0', ""))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_quoted_word_comes_back_as_it_was(words in prop::collection::vec(arbitrary_text(), 1..12)) {
            let quoted: Vec<String> = words.iter().map(|word| quote(word).unwrap()).collect();
            for shell in SHELLS {
                let output = Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(format!("printf '%s\\0' {}", quoted.join(" "))).output().unwrap();
                prop_assert_eq!(&output.stdout, &words.iter().flat_map(|w| [w.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>());
            }
        }

        #[test]
        fn whatever_is_answered_arrives(payload in prop::collection::vec(1u8..=255, 0..200)) {
            // command substitution takes newlines off the end
            let payload: Vec<u8> = [&payload[..], b"."].concat();
            let octal: String = payload.iter().map(|b| format!("\\{b:03o}")).collect();
            let mut script = Script::new();
            script.set("octal", &octal).unwrap();
            script.text("r=$(printf \"$octal\"); answer 0 0; r=; answer 1 44");
            for shell in SHELLS {
                let output = run(shell, "n0nce", &script.finish());
                let records = Records::parse("n0nce", &output.stdout, &output.stderr);
                prop_assert_eq!(records.get(0).unwrap().bytes().unwrap(), payload.clone());
                prop_assert_eq!(records.get(1).unwrap().status, 44);
                prop_assert!(std::str::from_utf8(&records.get(0).unwrap().payload).is_ok());
            }
        }
    }

    #[test]
    fn what_is_as_expected_is_not_answered() {
        let mut script = Script::new();
        script.expect(0, "0 it's\n\"so\"").unwrap();
        script.expect(1, "44 ").unwrap();
        script.expect(2, "unknown").unwrap();
        script.expect(3, "0 x").unwrap();
        script.expect(4, "44 ").unwrap();
        script.text("checking=1; r='it'\"'\"'s\n\"so\"'; answer 0 0; r=; answer 1 44; r=why; answer 2 7; echo \"-$moved\"");
        script.text("r=y; answer 3 0; r=; answer 4 0; echo \"-$moved\"");
        for shell in SHELLS {
            let output = run(shell, "k", &script.finish());
            assert_eq!(String::from_utf8_lossy(&output.stdout), "-\n@k 3 0 1\ny\n@k 4 0 0\n\n-1\n", "{shell:?} {output:?}");
        }
    }

    #[test]
    fn a_nul_is_refused_and_leaves_the_script_alone() {
        static F: Function = Function { name: "f", text: "f() { :; }", needs: &[] };
        let mut script = Script::new();
        assert_eq!(script.call(&F, ["a", "b\0"]), Err(Nul("b\0".into())));
        assert_eq!(script.finish(), PREAMBLE);
    }

    #[test]
    fn a_function_stands_after_what_it_needs_and_once() {
        static A: Function = Function { name: "a", text: "a() { :; }", needs: &[] };
        static B: Function = Function { name: "b", text: "b() { a; }", needs: &[&A] };
        let mut script = Script::new();
        script.call(&B, ["x"]).unwrap();
        script.call(&A, ["y z"]).unwrap();
        assert_eq!(script.finish().strip_prefix(PREAMBLE).unwrap(), "a() { :; }\nb() { a; }\nb 'x'\na 'y z'\n");
    }
}
