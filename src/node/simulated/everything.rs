//! All that a machine holds, as text that can be compared.

use super::files::Kind;
use super::world::World;

impl World {
    /// One line for each file, user, group and disk, in their order: all but what differs from run to run by nature.
    pub fn everything(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.all_below("", &mut lines);
        let mut users: Vec<String> = self.accounts.users.iter().map(|user| format!("{user:?}")).collect();
        let mut groups: Vec<String> = self.accounts.groups.iter().map(|group| format!("{group:?}")).collect();
        users.sort();
        groups.sort();
        lines.extend(users.into_iter().chain(groups));
        lines.extend(self.parted_disks.iter().map(|(path, disk)| format!("{path} {disk:?}")));
        lines
    }

    fn all_below(&self, above: &str, lines: &mut Vec<String>) {
        for name in self.files.names(if above.is_empty() { "/" } else { above }) {
            let path = format!("{above}/{name}");
            let Ok(ino) = self.files.find(&path, false) else { continue };
            let Some(inode) = self.files.get(ino) else { continue };
            let what = match &inode.kind {
                Kind::File(content) => format!("file {:?}, {} names", String::from_utf8_lossy(content), self.files.links(ino)),
                Kind::Directory(_) => "directory".to_owned(),
                Kind::Link(target) => format!("link to {target}"),
                Kind::Fifo => "pipe".to_owned(),
            };
            lines.push(format!("{path} {:04o} {}:{} {:?} {what}", inode.mode, inode.uid, inode.gid, inode.times));
            if inode.is_directory() {
                self.all_below(&path, lines);
            }
        }
    }
}
