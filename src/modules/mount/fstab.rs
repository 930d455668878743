//! Lines of fstab(5) put in, changed and taken out; every other byte stays as it is.

use crate::modules::edited_file::{Edited, EditedFile};
use crate::modules::halt::Halt;
use crate::modules::{Task, attributes};
use crate::node::Change;
use crate::node::steps::{Source, UnitAction, UnitStep, Validate};
use crate::plan::Facts;

/// What is mounted at boot.
pub const FSTAB: &str = "/etc/fstab";
/// New file, old file: fails where more lines of the new one cannot be read. What else findmnt(8) finds wrong (a device that is
/// not there yet) may be meant.
const VERIFY: &str = r#"
export LC_ALL=C
command -v findmnt >/dev/null || exit 0
unread() { findmnt --verify --tab-file "$1" 2>&1 | grep 'parse error at line'; }
[ "$(unread "$1" | wc -l)" -le "$(unread "$2" | wc -l)" ] || { echo "findmnt cannot read a line: $(unread "$1")" >&2; exit 1; }
"#;

/// Writes the file anew once findmnt(8) could read it, and has systemd read it.
///
/// # Errors
/// What has to be read first.
pub fn write(task: &Task<'_>, facts: &Facts<'_>, path: &str, file: EditedFile, edited: Edited, change: &mut Change) -> Result<(), Halt> {
    let (login, _) = attributes::maker(facts)?;
    let verify = Validate {
        source: Source::Bytes(edited.content.clone()),
        suffix: String::new(),
        owner: login.uid.to_string(),
        group: login.gid.to_string(),
        mode: 0o600,
        argv: ["sh", "-c", VERIFY, "sh", path].map(str::to_owned).into(),
        file: (4, String::new(), String::new()),
    };
    change.steps.push(verify.into());
    file.write_into(task, facts, edited, change)?;
    if path == FSTAB {
        // systemd acts on what it has read of fstab, and would unmount what an old line no longer fits
        change.steps.push(UnitStep::manager(UnitAction::DaemonReload).into());
    }
    Ok(())
}

/// What a line says, each field as it is meant and not as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    pub src: &'a str,
    /// The mount point as the task names it.
    pub name: &'a str,
    pub fstype: &'a str,
    pub opts: &'a str,
    pub dump: &'a str,
    pub passno: &'a str,
}

impl Line<'_> {
    /// What no field of fstab can hold, or would change the meaning of the fields behind it.
    pub fn problem(&self) -> Option<String> {
        let fields = [
            ("src", self.src),
            ("path", self.name),
            ("fstype", self.fstype),
            ("opts", self.opts),
            ("dump", self.dump),
            ("passno", self.passno),
        ];
        for (name, value) in fields {
            if value.is_empty() {
                return Some(format!("`{name}` is empty: a line of fstab has no empty fields"));
            }
            if value.contains(['\n', '\r', '\t']) {
                return Some(format!("`{name}` has a line end or a tab in it: {value:?}"));
            }
        }
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(self.dump) || !is_number(self.passno) {
            return Some(format!("`dump` and `passno` are numbers, not {:?} and {:?}", self.dump, self.passno));
        }
        self.src.starts_with('#').then(|| format!("`src` {:?} would make the line a comment", self.src))
    }

    fn written(&self) -> [String; 6] {
        [self.src, self.name, self.fstype, self.opts, self.dump, self.passno].map(escaped)
    }
}

/// As Ansible writes a field.
pub fn escaped(field: &str) -> String {
    field.replace('\\', r"\134").replace(' ', r"\040").replace('&', r"\046")
}

/// The fields of a line, and what stands behind them; nothing of what mount(8) passes over. Three are enough for it.
fn read(line: &str) -> Option<(Vec<&str>, Option<&str>)> {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let comment = text.find(" #").or_else(|| text.find("\t#"));
    let (text, comment) = comment.map_or((text, None), |at| (text.get(..at).unwrap_or(text), text.get(at..)));
    let fields: Vec<&str> = text.split_whitespace().collect();
    (3..=6).contains(&fields.len()).then_some((fields, comment))
}

/// Whether a line is the one of that mount point; lines of swap are told apart by their source.
fn is_meant(fields: &[&str], name: &str, src: Option<&str>) -> bool {
    let [is_src, is_name, is_type, ..] = fields else { return false };
    let is_other_swap = *is_name == "none" && *is_type == "swap" && src.is_some_and(|src| *is_src != src);
    let shortest = |name: &str| if name == "/" { name.to_owned() } else { name.trim_end_matches('/').to_owned() };
    shortest(is_name) == shortest(&escaped(name)) && !is_other_swap
}

/// Of each line that mount(8) reads: what is mounted and where, each as it is written.
pub fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| match read(line)?.0.as_slice() {
        [src, name, ..] => Some((*src, *name)),
        _ => None,
    })
}

/// The text with that line in it, in the place of the one for the same mount point, or at the end.
pub fn with(text: &str, wanted: &Line<'_>) -> String {
    let fields = wanted.written();
    let (mut new, mut is_there) = (String::with_capacity(text.len() + 80), false);
    for line in text.split_inclusive('\n') {
        match read(line).filter(|(is, _)| is_meant(is, wanted.name, Some(wanted.src))) {
            None => new.push_str(line),
            Some((is, comment)) => {
                is_there = true;
                if is.iter().copied().eq(fields.iter().map(String::as_str)) {
                    new.push_str(line);
                } else {
                    new.push_str(&fields.join(" "));
                    new.push_str(comment.unwrap_or_default());
                    new.push('\n');
                }
            }
        }
    }
    if !is_there {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new.push_str(&fields.join(" "));
        new.push('\n');
    }
    new
}

/// The text without the lines for that mount point.
pub fn without(text: &str, name: &str, src: Option<&str>) -> String {
    text.split_inclusive('\n').filter(|line| !read(line).is_some_and(|(fields, _)| is_meant(&fields, name, src))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# /etc/fstab\nUUID=1 / ext4 errors=remount-ro 0 1\n\n/dev/sdb1\t/data ext4 defaults\n/a none swap sw 0 0\n/b none swap sw 0 0 # b\nodd line";

    fn line<'a>(src: &'a str, name: &'a str, opts: &'a str) -> Line<'a> {
        Line { src, name, fstype: "ext4", opts, dump: "0", passno: "0" }
    }

    #[test]
    fn only_the_line_that_is_meant_changes() {
        let same = "UUID=1 / ext4 errors=remount-ro 0 1";
        assert_eq!(with(&format!("{same}\n"), &Line { passno: "1", ..line("UUID=1", "/", "errors=remount-ro") }), format!("{same}\n"));
        // fields that are not written are not those that are
        assert_eq!(
            with(TEXT, &line("/dev/sdb1", "/data/", "defaults")),
            TEXT.replace("/dev/sdb1\t/data ext4 defaults", "/dev/sdb1 /data/ ext4 defaults 0 0")
        );
        assert_eq!(with(TEXT, &line("LABEL=a b", "/m&n", "ro")), format!("{TEXT}\nLABEL=a\\040b /m\\046n ext4 ro 0 0\n"));
        let swap = Line { fstype: "swap", ..line("/b", "none", "sw,pri=1") };
        assert_eq!(with(TEXT, &swap), TEXT.replace("/b none swap sw 0 0 # b", "/b none swap sw,pri=1 0 0 # b"));
        assert_eq!(with("", &line("/dev/x", "/x", "defaults")), "/dev/x /x ext4 defaults 0 0\n");
    }

    #[test]
    fn lines_go() {
        assert_eq!(without(TEXT, "/data", None), TEXT.replace("/dev/sdb1\t/data ext4 defaults\n", ""));
        assert_eq!(without(TEXT, "none", Some("/a")), TEXT.replace("/a none swap sw 0 0\n", ""));
        assert_eq!(without(TEXT, "/dat", None), TEXT);
    }

    #[test]
    fn what_would_break_a_line_is_told() {
        for bad in
            [line("a\nb", "/x", "ro"), line("/dev/x", "/x", ""), line("#x", "/x", "ro"), Line { passno: "x", ..line("/d", "/x", "ro") }]
        {
            assert!(bad.problem().is_some(), "{bad:?}");
        }
        assert_eq!(line("/dev/x", "/x y", "ro").problem(), None);
    }

    proptest! {
        #[test]
        fn nothing_else_moves(text in "([#/a-c 0-2\\t]{0,12}\n?){0,6}", name in "/[a-c ]{1,3}", src in "/dev/[a-c]") {
            let wanted = line(&src, &name, "ro");
            let new = with(&text, &wanted);
            prop_assert_eq!(&with(&new, &wanted), &new);
            let others = |text: &str| text.lines().filter(|line| !read(line).is_some_and(|(is, _)| is_meant(&is, &name, None))).map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(others(&text), others(&new));
            prop_assert_eq!(others(&without(&new, &name, None)), others(&text));
        }
    }
}
