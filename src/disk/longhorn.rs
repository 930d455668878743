//! What Longhorn reads of a node on its first start: a label and two annotations. It ignores the whole of an annotation for one
//! bad field, so they are checked here first (longhorn-manager, `types.CreateDisksFromAnnotation`).

use serde::Serialize;

/// The label that has Longhorn read the annotation, and its value.
pub const LABEL: (&str, &str) = ("node.longhorn.io/create-default-disk", "config");
/// The annotation that names the disks.
pub const DISKS: &str = "node.longhorn.io/default-disks-config";
/// The annotation that names the node's tags.
pub const TAGS: &str = "node.longhorn.io/default-node-tags";

/// A disk as Longhorn is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LonghornDisk {
    /// What Longhorn calls it.
    pub name: String,
    /// Where it is mounted.
    pub path: String,
    /// Whether volumes are put on it.
    pub allow_scheduling: bool,
    /// Bytes that volumes leave alone.
    pub storage_reserved: u64,
    /// By which volumes choose it.
    pub tags: Vec<String>,
}

impl LonghornDisk {
    /// What is wrong with it on a disk of so many bytes, if anything is.
    pub fn problem(&self, size: u64) -> Option<String> {
        if let Some(problem) = bad_name(&self.name) {
            return Some(problem);
        }
        if !self.path.starts_with('/') {
            return Some(format!("the path of a disk is absolute, not {:?}", self.path));
        }
        if self.storage_reserved > size {
            return Some(format!("{} bytes are reserved, and the disk has {size}", self.storage_reserved));
        }
        self.tags.iter().find_map(|tag| bad_tag(tag))
    }
}

/// The value of [`DISKS`] for the disks of a node.
///
/// # Errors
/// All that is wrong with them together: each has been checked with [`LonghornDisk::problem`].
pub fn disks_annotation(disks: &[LonghornDisk]) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    for (at, disk) in disks.iter().enumerate() {
        let before = disks.get(..at).unwrap_or_default();
        if before.iter().any(|other| other.name == disk.name) {
            problems.push(format!("two disks are named {:?}", disk.name));
        }
        if before.iter().any(|other| other.path == disk.path) {
            problems.push(format!("two disks have the path {}", disk.path));
        }
    }
    if problems.is_empty() { serde_json::to_string(disks).map_err(|error| vec![error.to_string()]) } else { Err(problems) }
}

/// The value of [`TAGS`] for a node.
///
/// # Errors
/// The tags that are none.
pub fn tags_annotation(tags: &[String]) -> Result<String, Vec<String>> {
    let problems: Vec<String> = tags.iter().filter_map(|tag| bad_tag(tag)).collect();
    if problems.is_empty() { serde_json::to_string(tags).map_err(|error| vec![error.to_string()]) } else { Err(problems) }
}

/// What is wrong with the name of a disk, if anything is.
pub fn bad_name(name: &str) -> Option<String> {
    (!is_name(name)).then(|| format!("{name:?} is no name for a disk: letters, digits, dots, dashes and underscores, at most 63"))
}

/// What is wrong with a tag of a disk or a node, if anything is.
pub fn bad_tag(tag: &str) -> Option<String> {
    (!is_name(tag)).then(|| format!("{tag:?} is no tag: letters, digits, dots, dashes and underscores, at most 63"))
}

/// The name part of what Kubernetes calls a qualified name.
fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = [text.chars().next(), text.chars().last()];
    (1..=63).contains(&text.len()) && text.chars().all(is_inner) && ends.into_iter().flatten().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str, path: &str) -> LonghornDisk {
        LonghornDisk { name: name.into(), path: path.into(), allow_scheduling: true, storage_reserved: 0, tags: vec!["ssd".into()] }
    }

    #[test]
    fn as_longhorn_reads_it() {
        assert_eq!(
            disks_annotation(&[disk("ssd1", "/var/lib/longhorn")]).unwrap(),
            r#"[{"name":"ssd1","path":"/var/lib/longhorn","allowScheduling":true,"storageReserved":0,"tags":["ssd"]}]"#
        );
        assert_eq!(tags_annotation(&["storage".into()]).unwrap(), r#"["storage"]"#);
    }

    #[test]
    fn what_longhorn_would_ignore_the_whole_of_it_for() {
        let twice = disks_annotation(&[disk("a", "/x"), disk("a", "/x"), disk("b", "/y")]).unwrap_err();
        assert_eq!(twice, ["two disks are named \"a\"", "two disks have the path /x"]);
        assert_eq!(disk("a", "/x").problem(1), None);
        for bad in [
            disk("", "/x"),
            disk("a b", "/x"),
            disk("a", "x"),
            LonghornDisk { storage_reserved: 2, ..disk("a", "/x") },
            LonghornDisk { tags: vec!["-a".into()], ..disk("a", "/x") },
        ] {
            assert!(bad.problem(1).is_some(), "{bad:?}");
        }
        assert!(tags_annotation(&["a/b".into(), "x".repeat(64)]).unwrap_err().len() == 2);
    }
}
