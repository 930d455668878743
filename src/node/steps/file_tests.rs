//! Steps beside a file's content, carried out by real shells.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Output;

use super::{BACKUP_FILE, Backup, SetTimes, Source, Step, Time, Validate, WriteFile};
use crate::node::script::Script;
use crate::node::testing::{SHELLS, run};

fn carry_out(shell: &[&str], step: impl Into<Step>) -> Output {
    let mut script = Script::new();
    script.text("login_umask=022");
    let call = step.into().call().unwrap();
    script.call(call.function, call.words).unwrap();
    run(shell, "n1", &script.finish())
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().into()
}

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn a_program_looks_at_the_new_content() {
    let dir = tempfile::tempdir().unwrap();
    let meta = dir.path().metadata().unwrap();
    let (owner, group) = (meta.uid().to_string(), meta.gid().to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let original = dir.path().join("it's here");
    std::fs::write(&original, "abc").unwrap();
    for shell in SHELLS {
        for source in [Source::Bytes(b"abc".to_vec()), Source::Copied { path: text(&original), sha256: ABC.into() }] {
            let script = "printf '%s|%s|%s|' \"$1\" \"$3\" \"$(cat \"$2\")\"; stat -c %a \"$2\"; case $2 in *.conf) ;; *) exit 9 ;; esac";
            let step = Validate {
                source,
                suffix: ".conf".into(),
                owner: owner.clone(),
                group: group.clone(),
                mode: 0o640,
                argv: words(&["sh", "-c", script, "sh", "a b", "it's"]),
                file: (5, String::new(), String::new()),
            };
            let output = carry_out(shell, step);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "a b|it's|abc|640\n", "{shell:?} {output:?}");
            assert!(output.status.success());
        }
        for (at, behind) in [(1, ""), (1, ".x"), (0, "")] {
            let argv = words(if at == 0 { &["x"] } else { &["false"] });
            let file = (at, String::new(), behind.to_owned());
            let (owner, group) = (owner.clone(), group.clone());
            let step = Validate { source: Source::Bytes(Vec::new()), suffix: String::new(), owner, group, mode: 0o600, argv, file };
            let output = carry_out(shell, step);
            assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("failed to validate"), "{output:?}");
        }
    }
}

#[test]
fn a_copy_stays_beside_the_file() {
    for shell in SHELLS {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("it's a file");
        std::fs::write(&file, "abc").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4750)).unwrap();
        let output = carry_out(shell, Backup { path: text(&file) });
        let said = String::from_utf8(output.stdout).unwrap();
        let copy = said.trim_end().strip_prefix(BACKUP_FILE).unwrap();
        assert!(copy.starts_with(&format!("{}.", text(&file))) && copy.ends_with('~'), "{copy}");
        assert_eq!(std::fs::read(copy).unwrap(), b"abc");
        assert_eq!(std::fs::metadata(copy).unwrap().mode() & 0o7777, 0o4750);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(!carry_out(shell, Backup { path: text(&dir.path().join("none")) }).status.success());
    }
}

#[test]
fn times_are_set_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    std::fs::write(&file, "").unwrap();
    for shell in SHELLS {
        let set = |accessed, modified| {
            assert!(carry_out(shell, SetTimes { path: text(&file), accessed, modified }).status.success());
            let meta = file.metadata().unwrap();
            (meta.atime(), meta.mtime())
        };
        assert_eq!(set(Some(Time::At(1000)), Some(Time::At(2000))), (1000, 2000), "{shell:?}");
        assert_eq!(set(None, Some(Time::At(3000))), (1000, 3000));
        let (accessed, modified) = set(Some(Time::Now), None);
        assert!(accessed > 1_000_000_000 && modified == 3000);
        let (_, modified) = set(Some(Time::Now), Some(Time::Now));
        assert!(modified > 1_000_000_000);
    }
}

#[test]
fn what_is_copied_is_what_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let meta = dir.path().metadata().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    std::fs::write(&from, "abc").unwrap();
    for shell in SHELLS {
        let step = |sha256: &str| WriteFile {
            path: text(&to),
            source: Source::Copied { path: text(&from), sha256: sha256.into() },
            owner: meta.uid().to_string(),
            group: meta.gid().to_string(),
            mode: 0o600,
        };
        assert!(carry_out(shell, step(ABC)).status.success());
        assert_eq!((std::fs::read(&to).unwrap(), std::fs::read(&from).unwrap()), (b"abc".to_vec(), b"abc".to_vec()));
        let output = carry_out(shell, step(&"0".repeat(64)));
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("is not what was copied"), "{output:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
