//! The playbooks that come with the program: the files of `playbooks/`, in the binary.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// A playbook that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its short name: `tuning`.
    pub name: &'static str,
    /// What stands in it.
    pub text: &'static str,
    /// The others that it imports, by their short names.
    pub imports: &'static [&'static str],
}

/// All of them, in the order in which they are shown.
pub const SHIPPED: &[Shipped] = &[
    Shipped {
        name: "site",
        text: include_str!("../../playbooks/site.yaml"),
        imports: &["preflight", "base", "tuning", "longhorn-disks", "containerd", "kubernetes", "kube-proxy", "cni", "verify"],
    },
    Shipped { name: "preflight", text: include_str!("../../playbooks/preflight.yaml"), imports: &[] },
    Shipped { name: "base", text: include_str!("../../playbooks/base.yaml"), imports: &[] },
    Shipped { name: "tuning", text: include_str!("../../playbooks/tuning.yaml"), imports: &[] },
    Shipped { name: "longhorn-disks", text: include_str!("../../playbooks/longhorn-disks.yaml"), imports: &[] },
    Shipped { name: "containerd", text: include_str!("../../playbooks/containerd.yaml"), imports: &[] },
    Shipped { name: "kubernetes", text: include_str!("../../playbooks/kubernetes.yaml"), imports: &[] },
    Shipped { name: "kube-proxy", text: include_str!("../../playbooks/kube-proxy.yaml"), imports: &[] },
    Shipped { name: "cni", text: include_str!("../../playbooks/cni.yaml"), imports: &[] },
    Shipped { name: "verify", text: include_str!("../../playbooks/verify.yaml"), imports: &[] },
];

impl Shipped {
    /// The one of that name, with its ending or without.
    pub fn find(name: &str) -> Option<&'static Self> {
        let short = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name);
        SHIPPED.iter().find(|shipped| shipped.name == short)
    }

    /// Its file's name.
    pub fn file_name(&self) -> String {
        format!("{}.yaml", self.name)
    }

    /// Whether the file at that path says the same.
    pub fn is_at(&self, path: &Path) -> bool {
        std::fs::read(path).is_ok_and(|bytes| bytes == self.text.as_bytes())
    }

    /// What it is for: the first line of its file.
    pub fn about(&self) -> &'static str {
        self.text.lines().next().map_or("", |line| line.trim_start_matches("# "))
    }

    /// It and all that it imports, each once.
    pub fn with_imports(&self) -> Vec<&'static Self> {
        let mut all: Vec<&'static Self> = Self::find(self.name).into_iter().collect();
        let mut next = 0;
        while let Some(shipped) = all.get(next) {
            let imported: Vec<_> = shipped.imports.iter().filter_map(|name| Self::find(name)).collect();
            imported.into_iter().for_each(|one| {
                if !all.contains(&one) {
                    all.push(one);
                }
            });
            next += 1;
        }
        all
    }
}

/// Puts all of them into a directory below `cache` that is named by what they say, and returns it: they are read like any
/// playbook, and an error shows a path that a person can open. What stands there already is written anew only if it differs.
///
/// # Errors
/// What the system says, and about which path.
pub fn unpack(cache: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let mut digest = Sha256::new();
    SHIPPED.iter().for_each(|shipped| digest.update(shipped.text));
    let word: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let dir = cache.join(format!("playbooks-{word}"));
    std::fs::create_dir_all(&dir).map_err(|error| (dir.clone(), error))?;
    for shipped in SHIPPED {
        let path = dir.join(shipped.file_name());
        if shipped.is_at(&path) {
            continue;
        }
        // another run may read it at this moment
        let beside = dir.join(format!(".{}.{}", shipped.name, std::process::id()));
        std::fs::write(&beside, shipped.text).and_then(|()| std::fs::rename(&beside, &path)).map_err(|error| (path, error))?;
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_shipped_and_its_imports_are_those_it_has() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
        let mut files: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut shipped: Vec<String> = SHIPPED.iter().map(Shipped::file_name).collect();
        files.sort();
        shipped.sort();
        assert_eq!(files, shipped);
        for shipped in SHIPPED {
            let imports: Vec<&str> =
                shipped.text.lines().filter_map(|line| line.trim().strip_prefix("ansible.builtin.import_playbook: ")).collect();
            assert_eq!(imports, shipped.imports.iter().map(|name| format!("{name}.yaml")).collect::<Vec<_>>(), "{}", shipped.name);
            assert!(shipped.about().contains(": "), "{}", shipped.name);
        }
    }

    #[test]
    fn they_are_found_with_their_ending_and_without() {
        assert_eq!(Shipped::find("tuning"), Shipped::find("tuning.yml"));
        assert!(Shipped::find("tuning.yaml").is_some() && Shipped::find("tunin").is_none() && Shipped::find("").is_none());
        let names: Vec<_> = Shipped::find("site").unwrap().with_imports().iter().map(|shipped| shipped.name).collect();
        assert_eq!(
            names,
            ["site", "preflight", "base", "tuning", "longhorn-disks", "containerd", "kubernetes", "kube-proxy", "cni", "verify"]
        );
    }

    #[test]
    fn they_are_unpacked_once_and_put_right_where_somebody_changed_them() {
        let cache = tempfile::tempdir().unwrap();
        let dir = unpack(cache.path()).unwrap();
        let path = dir.join("tuning.yaml");
        std::fs::write(&path, "changed").unwrap();
        assert_eq!(unpack(cache.path()).unwrap(), dir);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), Shipped::find("tuning").unwrap().text);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), SHIPPED.len());
    }
}
