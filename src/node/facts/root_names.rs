//! The names in the root directory of a filesystem, read without mounting it: debugfs(8), xfs_db(8).

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The names in the root directory of an ext or XFS filesystem; where it is mounted, those in that place.
///
/// Unknown where its tools are not there. A filesystem that is mounted somewhere is not read past the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootNames {
    path: String,
    kind: String,
    mounted: Option<String>,
}

impl RootNames {
    /// Of the filesystem of that type on the device at that absolute path.
    pub fn new(path: impl Into<String>, kind: impl Into<String>, mounted: Option<String>) -> Self {
        Self { path: path.into(), kind: kind.into(), mounted }
    }
}

impl Fact for RootNames {
    type Value = Vec<String>;

    fn query(&self) -> Query {
        let args = [self.path.as_str(), &self.kind, self.mounted.as_deref().unwrap_or_default()];
        let mut stands_on = vec![Touch::BlockDevice(self.path.clone()), Touch::Mounts];
        stands_on.extend(self.mounted.iter().map(|place| Touch::Files(place.clone())));
        // what uses the filesystem makes files of its own
        Query::new(KIND.name, args, stands_on).moving()
    }
}

pub(super) const KIND: Kind =
    Kind { name: "root_names", function: &PROBE, merged: false, words, parse: |args, text| json(read(args, text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let [path, kind, mounted] = args else { return Err("a device, a type and a place are wanted".into()) };
    let is_known = ["ext2", "ext3", "ext4", "xfs"].contains(&kind.as_str());
    if !path.starts_with('/') || (mounted.is_empty() && !is_known) || !(mounted.is_empty() || mounted.starts_with('/')) {
        return Err(format!("the names in the root of {args:?}"));
    }
    Ok(args.to_vec())
}

// debugfs ends with 0 whatever happens; `-c` opens without reading bitmaps, which a filesystem that is not whole may lack
static PROBE: Function = Function {
    name: "probe_root_names",
    text: r#"
probe_root_names() {
  id=$1
  case $4,$3 in
  /*) take ls -A -- "$4" ;;
  *,xfs) take xfs_db -r -c 'ls /' -- "$2" ;;
  *) take debugfs -c -R 'ls -p /' -- "$2" ;;
  esac || { r=$err; answer "$id" 1; return; }
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(args: &[String], text: &str) -> Result<Vec<String>, String> {
    let names: Vec<&str> = match args {
        [_, _, mounted] if !mounted.is_empty() => return Ok(text.lines().map(str::to_owned).collect()),
        // ADDRESS INODE TYPE HASH LENGTH NAME (good)
        [_, kind, _] if kind == "xfs" => text
            .lines()
            .filter_map(|line| {
                let (entry, _) = line.trim_end().rsplit_once(" (")?;
                let mut rest = entry.trim_start();
                for _ in 0..5 {
                    rest = rest.split_once(char::is_whitespace)?.1.trim_start();
                }
                Some(rest)
            })
            .collect(),
        // /INODE/MODE/USER/GROUP/NAME/SIZE/
        _ => text.lines().filter_map(|line| line.split('/').nth(5)).collect(),
    };
    // a directory without itself in it is none that was read
    if !names.contains(&".") {
        return Err(format!("no directory: {text:?}"));
    }
    Ok(names.into_iter().filter(|name| ![".", ".."].contains(name)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, mounted: &str, text: &str) -> Result<Vec<String>, String> {
        read(&["/dev/sdb1".to_owned(), kind.into(), mounted.into()], text)
    }

    #[test]
    fn as_debugfs_xfs_db_and_ls_say_it() {
        let ext = "/2/040755/0/0/.//\n/2/040755/0/0/..//\n/11/040700/0/0/lost+found//\n/12/100644/0/0/longhorn-disk.cfg/2/\n";
        assert_eq!(of("ext4", "", ext).unwrap(), ["lost+found", "longhorn-disk.cfg"]);
        let xfs = "/:\n8          128                directory      0x0000002e   1 . (good)\n10         128                directory      0x0000172e   2 .. (good)\n\
                   12         131                regular        0xab8e2d71   3 a b (good)\n";
        assert_eq!(of("xfs", "", xfs).unwrap(), ["a b"]);
        assert_eq!(of("ext4", "/srv", "replicas\n").unwrap(), ["replicas"]);
        assert!(of("ext4", "/srv", "").unwrap().is_empty());
        assert!(of("ext4", "", "").is_err() && of("xfs", "", "/:\n").is_err());
    }

    #[test]
    fn only_what_can_be_read_is_asked_for() {
        let asked = |kind: &str, mounted: &str| words(&["/dev/sdb".to_owned(), kind.into(), mounted.into()]).is_ok();
        assert!(asked("ext4", "") && asked("xfs", "") && asked("btrfs", "/srv"));
        assert!(!asked("btrfs", "") && !asked("ext4", "srv"));
    }
}
