//! Unpacking an archive.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Unpacks an archive into a directory, unless all that is in it is there already, as tar(1) compares it.
///
/// Archives of tar, packed by gzip, bzip2, xz or zstd or not at all, and of zip; they are told by their first bytes.
/// GNU tar is needed, or unzip. It prints [`Unpacked`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unarchive {
    /// The archive.
    pub archive: String,
    /// Whether the archive is ours and goes away.
    pub is_temporary: bool,
    /// The directory, which is there.
    pub directory: String,
    /// The owner of all that is in it, a name or number; as the archive says if not said.
    pub owner: Option<String>,
    /// The group.
    pub group: Option<String>,
    /// The mode, as chmod(1) takes it.
    pub mode: Option<String>,
    /// Whether what is newer than in the archive stays.
    pub keep_newer: bool,
    /// Whether the names in it are printed.
    pub list: bool,
    /// What stays in the archive.
    pub exclude: Vec<String>,
    /// All that is unpacked, if not all.
    pub include: Vec<String>,
    /// More options for the program.
    pub options: Vec<String>,
}

/// archive, `temporary` or ``, directory, owner, group, mode, `newer` or ``, `list` or ``, how many are excluded, included
/// and options, then those.
///
/// What is not in the environment of the script is C: the differences are read as tar prints them then. The owner of
/// what root unpacks, and modes, count only where nothing else is asked for. A zip has no such comparison: it is unpacked
/// beside and compared.
const UNARCHIVE: Function = Function {
    name: "s_unarchive",
    needs: &[&FAIL],
    text: r#"s_unarchive() (
  archive=$1 temporary=$2 directory=$3 owner=$4 group=$5 mode=$6 newer=$7 list=$8 excludes=$9
  shift 9
  includes=$1 options=$2
  shift 2
  place=$(mktemp -d "$directory/.homelabctl-XXXXXX") || exit 1
  # all ends here: what is ours goes away
  trap 'rm -rf -- "$place"; [ -z "$temporary" ] || rm -f -- "$archive"' EXIT
  trap 'exit 143' HUP INT TERM
  [ -s "$archive" ] || s_fail "Invalid archive '$archive', the file is 0 bytes"
  start=$(head -c 6 -- "$archive" | od -An -tx1 | tr -d ' \n')
  case $start in
  504b0304* | 504b0506*) handler=ZipArchive ;;
  1f8b*) handler=TgzArchive pack=-z ;;
  425a68*) handler=TarBzipArchive pack=-j ;;
  fd377a585a00) handler=TarXzArchive pack=-J ;;
  28b52ffd*) handler=TarZstdArchive pack=--use-compress-program=zstd ;;
  *) handler=TarArchive pack= ;;
  esac
  s_names() { cat "$place/names"; }
  s_states() {
    while IFS= read -r n; do
      stat -c '%a %u %g %n' -- "$directory/$n" 2>/dev/null
    done <"$place/all"
  }
  changed=no
  if [ "$handler" = ZipArchive ]; then
    command -v unzip >/dev/null || s_fail "there is no unzip here; install the package unzip"
    mkdir "$place/new"
    # words from behind: options, archive, included, -x excluded
    n=0
    while [ "$n" -lt "$excludes" ]; do
      [ "$n" -gt 0 ] || printf '%s\n' -x >>"$place/behind"
      printf '%s\n' "$1" >>"$place/behind"
      shift
      n=$((n + 1))
    done
    n=0
    while [ "$n" -lt "$includes" ]; do
      printf '%s\n' "$1" >>"$place/before"
      shift
      n=$((n + 1))
    done
    set -- "$@" "$archive"
    for words in before behind; do
      [ -f "$place/$words" ] || continue
      while IFS= read -r word; do set -- "$@" "$word"; done <"$place/$words"
    done
    unzip -q -o "$@" -d "$place/new" >"$place/said" 2>&1 || { cat "$place/said" >&2; exit 1; }
    (cd "$place/new" && find . -mindepth 1) | while IFS= read -r n; do
      n=${n#./}
      if [ -d "$place/new/$n" ] && [ ! -L "$place/new/$n" ]; then printf '%s/\n' "$n"; else printf '%s\n' "$n"; fi
    done >"$place/names"
    while IFS= read -r n; do
      new=$place/new/$n old=$directory/$n
      if [ -L "$new" ]; then
        [ -L "$old" ] && [ "$(readlink -- "$new")" = "$(readlink -- "$old")" ] || changed=yes
      elif [ -d "$new" ]; then
        [ -d "$old" ] || changed=yes
      elif ! [ -f "$old" ] || ! cmp -s -- "$new" "$old" || [ "$new" -nt "$old" ]; then changed=yes
      elif [ -z "$newer" ] && [ "$new" -ot "$old" ]; then changed=yes
      fi
    done <"$place/names"
    if [ "$changed" = yes ]; then
      if [ -n "$newer" ]; then set -- -u "$@"; fi
      unzip -q -o "$@" -d "$directory" >"$place/said" 2>&1 || { cat "$place/said" >&2; exit 1; }
    fi
  else
    tar=tar
    ! command -v gtar >/dev/null || tar=gtar
    case $("$tar" --version 2>/dev/null) in
    *"GNU tar"*) ;;
    *) s_fail "GNU tar is needed here; install the package tar" ;;
    esac
    : >"$place/excluded"
    : >"$place/included"
    n=0
    while [ "$n" -lt "$excludes" ]; do
      printf '%s\n' "--exclude=${1%/}" >>"$place/excluded"
      shift
      n=$((n + 1))
    done
    n=0
    while [ "$n" -lt "$includes" ]; do
      printf '%s\n' "$1" >>"$place/included"
      shift
      n=$((n + 1))
    done
    # what is left are the options; then come what is excluded, the archive, and what is included
    s_tar() (
      how=$1
      shift
      [ "$options" -eq 0 ] || set -- --show-transformed-names "$@"
      [ -z "$pack" ] || set -- "$pack" "$@"
      set -- "$how" -C "$directory" "$@"
      if [ "$how" = --list ]; then
        set -- "$@" --quoting-style=literal
      else
        [ -z "$owner" ] || set -- "$@" "--owner=$owner"
        [ -z "$group" ] || set -- "$@" "--group=$group"
        [ -z "$newer" ] || set -- "$@" --keep-newer-files
      fi
      while IFS= read -r word; do set -- "$@" "$word"; done <"$place/excluded"
      set -- "$@" -f "$archive"
      while IFS= read -r word; do set -- "$@" "$word"; done <"$place/included"
      if [ "$how" = --extract ]; then printf '%s\n' "$(command -v "$tar")" "$@" >"$place/command"; fi
      exec "$tar" "$@" 9>&-
    )
    s_tar --list "$@" >"$place/names" || exit 1
    [ -s "$place/names" ] || s_fail "no files were found in the archive $archive"
    s_tar --diff "$@" >"$place/said" 2>&1
    uid=$(id -u)
    while IFS= read -r l; do
      case $l in
      *": : Warning: Cannot stat: No such file or directory") ;;
      *": Uid differs") if [ "$uid" = 0 ] && [ -z "$owner" ]; then changed=yes; fi ;;
      *": Gid differs") if [ "$uid" = 0 ] && [ -z "$group" ]; then changed=yes; fi ;;
      *": Mode differs") if [ -z "$mode" ]; then changed=yes; fi ;;
      *": Mod time differs" | *": Warning: Cannot stat: No such file or directory" | *": Invalid owner"* | *": Invalid group"* | \
        *": Symlink differs" | *": Contents differ" | *": Size differs") changed=yes ;;
      esac
    done <"$place/said"
    if [ "$changed" = yes ]; then
      s_tar --extract "$@" 2>"$place/complaint" || { cat "$place/complaint" >&2; exit 1; }
    fi
  fi
  # the archive's top directories need not be in it themselves
  while IFS= read -r n; do
    n=${n#/}
    printf '%s\n' "$n"
    case $n in */*) printf '%s\n' "${n%%/*}" ;; esac
  done <"$place/names" | sort -u >"$place/all"
  if [ -n "$owner$group$mode" ]; then
    s_states >"$place/was"
    while IFS= read -r n; do
      f=$directory/$n
      if [ -n "$owner$group" ]; then chown -h -- "$owner${group:+:$group}" "$f" || exit 1; fi
      if [ -n "$mode" ] && [ ! -L "$f" ]; then chmod -- "$mode" "$f" || exit 1; fi
    done <"$place/all"
    s_states >"$place/is"
    cmp -s "$place/was" "$place/is" || changed=yes
  fi
  printf 'handler=%s\nchanged=%s\n' "$handler" "$changed"
  for file in command complaint; do
    said=
    if [ -f "$place/$file" ]; then said=$(base64 <"$place/$file" | tr -d '\n'); fi
    printf '%s=%s\n' "$file" "$said"
  done
  [ -z "$list" ] || s_names
)"#,
};

impl Action for Unarchive {
    fn call(&self) -> Call {
        let flag = |is_set: bool, word: &str| if is_set { word.to_owned() } else { String::new() };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let words = [
            self.archive.clone(),
            flag(self.is_temporary, "temporary"),
            self.directory.clone(),
            text(&self.owner),
            text(&self.group),
            text(&self.mode),
            flag(self.keep_newer, "newer"),
            flag(self.list, "list"),
            self.exclude.len().to_string(),
            self.include.len().to_string(),
            self.options.len().to_string(),
        ];
        Call::new(&UNARCHIVE, words.into_iter().chain([&self.exclude, &self.include, &self.options].into_iter().flatten().cloned()))
    }

    fn touches(&self) -> Vec<Touch> {
        let archive = self.is_temporary.then(|| Touch::Files(self.archive.clone()));
        [Touch::Files(self.directory.clone())].into_iter().chain(archive).collect()
    }

    fn describe(&self) -> String {
        format!("unpack {} into {}", self.archive, self.directory)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.archive)?;
        if self.directory != "/" {
            check::path(&self.directory)?;
        }
        self.owner.iter().try_for_each(|owner| check::account("owner", owner))?;
        self.group.iter().try_for_each(|group| check::account("group", group))?;
        self.mode.iter().try_for_each(|mode| check::word("mode", mode))?;
        for pattern in self.exclude.iter().chain(&self.include) {
            check::word("pattern", pattern)?;
            if pattern.contains('\n') {
                check::refuse("pattern", pattern, "is more than a line")?;
            }
        }
        Ok(())
    }
}

/// What an [`Unarchive`] printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Ansible's name for the kind of the archive.
    pub handler: String,
    /// Whether anything is other than before.
    pub changed: bool,
    /// The command that unpacked a tar, if it was unpacked.
    pub command: Vec<String>,
    /// What that complained of.
    pub complaint: String,
    /// The names in it, if they were asked for.
    pub names: Vec<String>,
}

impl Unpacked {
    /// Reads what the step printed.
    pub fn read(stdout: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stdout);
        let mut lines = text.lines().skip_while(|line| !line.starts_with("handler="));
        let handler = lines.next().and_then(|line| line.strip_prefix("handler=")).unwrap_or_default().to_owned();
        let changed = lines.next() == Some("changed=yes");
        let mut decoded = |name: &str| {
            let text = lines.next().and_then(|line| line.strip_prefix(name)).unwrap_or_default();
            crate::node::record::from_base64(text.as_bytes()).map(|bytes| crate::node::record::to_text(&bytes)).unwrap_or_default()
        };
        let command = decoded("command=").lines().map(str::to_owned).collect();
        let complaint = decoded("complaint=");
        Self { handler, changed, command, complaint, names: lines.map(str::to_owned).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::node::script::Script;
    use crate::node::steps::Step;
    use crate::node::testing::{SHELLS, run};

    fn unpacked(shell: &[&str], step: Unarchive) -> (Unpacked, String, Option<i32>) {
        let call = Step::from(step).call().unwrap();
        let mut script = Script::new();
        script.call(call.function, call.words).unwrap();
        let output = run(shell, "n1", &script.finish());
        (Unpacked::read(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
    }

    fn text(path: &Path) -> String {
        path.to_str().unwrap().to_owned()
    }

    /// `top/a b` and `top/sub/c` in an archive.
    fn archive(dir: &Path, name: &str, flags: &[&str]) -> String {
        let source = dir.join("source");
        std::fs::create_dir_all(source.join("top/sub")).unwrap();
        std::fs::write(source.join("top/a b"), "one").unwrap();
        std::fs::write(source.join("top/sub/c"), "two").unwrap();
        let archive = text(&dir.join(name));
        let status = Command::new("tar").current_dir(&source).args(["-c"]).args(flags).args(["-f", &archive, "top"]).status().unwrap();
        assert!(status.success());
        archive
    }

    #[test]
    fn an_archive_is_unpacked_once() {
        for shell in SHELLS {
            for (name, flags, handler) in [
                ("a.tar", &[][..], "TarArchive"),
                ("a.tgz", &["-z"], "TgzArchive"),
                ("a.tar.bz2", &["-j"], "TarBzipArchive"),
                ("odd 'name", &["-J"], "TarXzArchive"),
            ] {
                let dir = tempfile::tempdir().unwrap();
                let (archive, directory) = (archive(dir.path(), name, flags), dir.path().join("de st"));
                std::fs::create_dir(&directory).unwrap();
                let step = Unarchive { archive, directory: text(&directory), list: true, ..Unarchive::default() };
                let (first, said, status) = unpacked(shell, step.clone());
                assert_eq!((first.handler.as_str(), first.changed, status), (handler, true, Some(0)), "{shell:?} {said}");
                assert_eq!(first.names.len(), 4, "{first:?}");
                assert!(first.command.iter().any(|word| word == "--extract") && first.command[0].ends_with("tar"), "{first:?}");
                assert_eq!(std::fs::read_to_string(directory.join("top/a b")).unwrap(), "one");
                let (second, said, _) = unpacked(shell, step.clone());
                assert!(!second.changed, "{said}");
                std::fs::write(directory.join("top/a b"), "other").unwrap();
                assert!(unpacked(shell, step).0.changed);
                assert_eq!(std::fs::read_to_string(directory.join("top/a b")).unwrap(), "one");
                assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
            }
        }
    }

    #[test]
    fn what_is_excluded_stays_and_options_count() {
        let dir = tempfile::tempdir().unwrap();
        let (archive, directory) = (archive(dir.path(), "a.tgz", &["-z"]), dir.path().join("dest"));
        std::fs::create_dir(&directory).unwrap();
        let step = Unarchive {
            archive: archive.clone(),
            directory: text(&directory),
            exclude: vec!["top/sub".into()],
            options: vec!["--strip-components=1".into()],
            mode: Some("u=rwX,go=".into()),
            ..Unarchive::default()
        };
        for shell in SHELLS {
            let (first, said, status) = unpacked(shell, step.clone());
            assert_eq!((first.changed, status), (shell == SHELLS[0], Some(0)), "{shell:?} {said}");
        }
        assert_eq!(std::fs::read_to_string(directory.join("a b")).unwrap(), "one");
        assert!(!directory.join("sub").exists());
        let only = Unarchive {
            include: vec!["top/sub/c".into()],
            is_temporary: true,
            exclude: Vec::new(),
            options: Vec::new(),
            mode: None,
            ..step
        };
        assert!(unpacked(SHELLS[0], only).0.changed);
        assert!(directory.join("top/sub/c").exists() && !directory.join("top/a b").exists() && !Path::new(&archive).exists());
    }

    #[test]
    fn what_is_no_archive_is_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x"), "no archive at all").unwrap();
        std::fs::write(dir.path().join("empty"), "").unwrap();
        for name in ["x", "empty"] {
            let step = Unarchive { archive: text(&dir.path().join(name)), directory: text(dir.path()), ..Unarchive::default() };
            let (_, said, status) = unpacked(SHELLS[0], step);
            assert!(status != Some(0) && !said.is_empty());
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
