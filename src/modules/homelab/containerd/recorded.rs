//! What containerd itself makes of the configurations that are edited here: tests/records/containerd.

use std::fs;
use std::path::PathBuf;

use super::config::{NotEdited, Wanted, edited};
use super::{is_met, mirrors, promised};
use crate::node::facts::CriSettings;

const VERSIONS: [&str; 3] = ["1.7.27", "2.1.4", "2.3.0"];

fn records() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/records/containerd")
}

fn wanted(runtimes: &CriSettings) -> Wanted<'_> {
    let names = runtimes.runtimes.keys().map(String::as_str).chain(["runc"]).collect();
    let (sandbox_image, registry_folder) = ("registry.k8s.io/pause:3.10.1", mirrors::FOLDER);
    Wanted { sandbox_image, registry_folder, cni_folder: Some("/opt/cni/bin"), runtimes: names }
}

/// What is edited reads back as it was promised, in each version that can read the file at all.
#[test]
fn what_is_edited_is_what_containerd_takes() {
    let writes = std::env::var_os("HOMELABCTL_WRITE_DOCS").is_some();
    let mut seen = 0;
    for version in VERSIONS {
        let mut cases: Vec<PathBuf> = fs::read_dir(records().join("before")).unwrap().map(|entry| entry.unwrap().path()).collect();
        cases.sort();
        for case in cases {
            let name = case.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&case).unwrap();
            let dump = |kind: &str| {
                let path = records().join(format!("dump/{version}/{name}-{kind}.toml"));
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: `make oracle` writes it", path.display()))
            };
            let after = records().join(format!("after/{version}/{name}.toml"));
            let before = match writes {
                true => CriSettings::read(&text).unwrap(),
                false => CriSettings::read(&dump("before")).unwrap(),
            };
            let new = match edited(&text, version, &wanted(&before)) {
                Ok(new) => new,
                Err(NotEdited { why, .. }) => {
                    assert!(why.contains("reads those up to") && version.starts_with('1'), "{version} {name}: {why}");
                    assert!(writes || dump("before").contains("is not supported"), "{version} {name}: {}", dump("before"));
                    continue;
                }
            };
            if writes {
                fs::create_dir_all(after.parent().unwrap()).unwrap();
                fs::write(&after, &new).unwrap();
                continue;
            }
            assert_eq!(fs::read_to_string(&after).unwrap(), new, "{version} {name}: `make oracle` renews it");
            let takes = CriSettings::read(&dump("after")).unwrap();
            assert!(!is_met(&before, &wanted(&before)) && is_met(&takes, &wanted(&before)), "{version} {name}: {takes:?}");
            assert_eq!(takes, promised(&before, &new, &wanted(&before)), "{version} {name}");
            seen += 1;
        }
    }
    assert!(writes || seen == 11, "{seen}");
}
