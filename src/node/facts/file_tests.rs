//! Facts about files, read by real shells.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use super::{Checksum, FileKind, FullStat, HardLinks, HexDigest, Inode, LocalTime, Mode, RealPath, Status, Tree, TreeEntry, Umask};
use crate::node::record::Records;
use crate::node::script::Script;
use crate::node::testing::{SHELLS, run};
use crate::plan::{Fact, Reading};

fn read<F: Fact>(shell: &[&str], fact: &F) -> Reading {
    let mut script = Script::new();
    let probes = script.probe(&[fact.query()]);
    let output = run(shell, "n1", &script.finish());
    probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading
}

fn value<F: Fact>(shell: &[&str], fact: &F) -> F::Value {
    match read(shell, fact) {
        Reading::Present(value) => serde_json::from_value(value).unwrap(),
        other => panic!("{shell:?} {:?}: {other:?}", fact.query()),
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().into()
}

#[test]
fn a_tree_is_seen_with_odd_names() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("the top");
    std::fs::create_dir_all(top.join("it's a\nname/in")).unwrap();
    std::fs::write(top.join("it's a\nname/in/-rf"), "x").unwrap();
    std::fs::set_permissions(top.join("it's a\nname/in/-rf"), std::fs::Permissions::from_mode(0o4751)).unwrap();
    symlink("nowhere", top.join("ünï")).unwrap();
    symlink(&top, dir.path().join("link")).unwrap();
    let (uid, gid) = (top.metadata().unwrap().uid(), top.metadata().unwrap().gid());
    for shell in SHELLS {
        for path in [&top, &dir.path().join("link")] {
            let tree = value(shell, &Tree::new(text(path)));
            let names: Vec<&str> = tree.iter().map(|entry| entry.path.as_str()).collect();
            assert_eq!(names, ["it's a\nname", "it's a\nname/in", "it's a\nname/in/-rf", "ünï"], "{shell:?}");
            let wanted = TreeEntry { path: "it's a\nname/in/-rf".into(), kind: FileKind::File, mode: Mode(0o4751), uid, gid };
            assert_eq!(tree[2], wanted);
            assert_eq!(tree[3].kind, FileKind::Link);
        }
        assert_eq!(read(shell, &Tree::new(text(&top.join("no")))), Reading::Absent);
        assert_eq!(read(shell, &Tree::new(text(&top.join("it's a\nname/in/-rf")))), Reading::unknown("not a directory"));
        assert_eq!(value(shell, &Tree::new(text(&top.join("it's a\nname/in")))).len(), 1);
    }
}

#[test]
fn one_file_has_a_status_names_and_digests() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link, second) = (dir.path().join("a b"), dir.path().join("l"), dir.path().join("second"));
    std::fs::write(&file, "abc").unwrap();
    std::fs::hard_link(&file, &second).unwrap();
    symlink("a b", &link).unwrap();
    let meta = file.metadata().unwrap();
    for shell in SHELLS {
        let status: FullStat = value(shell, &Status::new(text(&file), false));
        assert_eq!((status.kind, status.size, status.links, status.inode, status.device), (FileKind::File, 3, 2, meta.ino(), meta.dev()));
        assert_eq!((status.modified.trunc(), status.access[0], status.access[2]), (meta.mtime() as f64, true, false));
        assert_eq!(value(shell, &Status::new(text(&link), false)).kind, FileKind::Link);
        assert_eq!(value(shell, &Status::new(text(&link), true)).inode, meta.ino());
        assert_eq!(value(shell, &HardLinks::new(text(&link))), Inode { device: meta.dev(), inode: meta.ino(), links: 2 });
        let real = text(&file.canonicalize().unwrap());
        assert_eq!(value(shell, &RealPath::new(text(&link))), real);
        let md5 = HexDigest("900150983cd24fb0d6963f7d28e17f72".into());
        assert_eq!(value(shell, &Checksum::new(text(&link), "md5")), md5);
        assert_eq!(value(shell, &Checksum::new(text(&file), "sha1")).0, "a9993e364706816aba3e25717850c26c9cd0d89d");
        let none = text(&dir.path().join("none/at all"));
        let absent = [
            read(shell, &Status::new(&none, false)),
            read(shell, &HardLinks::new(&none)),
            read(shell, &RealPath::new(&none)),
            read(shell, &Checksum::new(&none, "sha1")),
        ];
        assert!(absent.iter().all(|reading| *reading == Reading::Absent), "{shell:?} {absent:?}");
        assert_eq!(read(shell, &Checksum::new("/dev", "sha1")), Reading::unknown("not a regular file"));
    }
}

#[test]
fn the_login_has_a_umask_and_a_clock() {
    for shell in SHELLS {
        let mut script = Script::new();
        script.text("umask 027");
        let probes = script.probe(&[Umask.query(), LocalTime::new("1970-01-02 00:00:00").query()]);
        let output = run(shell, "n1", &format!("TZ=UTC; export TZ; {}", script.finish()));
        let seen: Vec<Reading> =
            probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).into_iter().map(|(_, seen)| seen.reading).collect();
        assert_eq!(seen, [Reading::Present(json!("0027")), Reading::Present(json!(86400))], "{shell:?}");
    }
}
