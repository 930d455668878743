//! New files and directories with names that nobody has.

use std::collections::BTreeMap;

use super::files::Kind;
use super::world::{Stop, World};
use crate::node::steps::MakeTemporary;

impl World {
    pub(super) fn make_temporary(&mut self, step: &MakeTemporary) -> Result<(), Stop> {
        let parent = step.parent.clone().unwrap_or_else(|| "/tmp".into());
        if !self.files.at(&parent, true).is_ok_and(super::files::Inode::is_directory) {
            return Err(format!("[Errno 2] No such file or directory: '{parent}'").into());
        }
        let random = self.random.number() % 100_000_000;
        let path = format!("{}/{}{random:08}{}", parent.trim_end_matches('/'), step.prefix, step.suffix);
        let (kind, mode) = if step.directory { (Kind::Directory(BTreeMap::new()), 0o700) } else { (Kind::File(Vec::new()), 0o600) };
        if self.tick()? {
            self.files.create(&path, kind, mode)?;
            self.said = format!("{path}\n").into_bytes();
        }
        Ok(())
    }
}
