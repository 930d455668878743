//! Which of a machine's disks Longhorn would get, as lines of its host_vars.

use super::class::Class;
use super::examine::Examined;
use super::name::stable_name;
use super::size::gigabytes;
use crate::node::facts::BlockDevice;

/// What is proposed for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Lines for its host_vars; what is no decision is a comment.
    pub lines: Vec<String>,
    /// The disk that is meant, if it is one alone.
    pub disk: Option<String>,
}

/// What a host's variables say already of its disks for Longhorn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The variable that counts.
    pub variable: String,
    /// File and line.
    pub at: String,
    /// The texts in its value, one of which may be a disk's name.
    pub names: Vec<String>,
}

impl Named {
    fn means(&self, disk: &BlockDevice) -> bool {
        let name = |text: &str| text.trim_start_matches("/dev/disk/by-id/").to_owned();
        let is = |of: &Option<String>, text: &str| of.as_deref() == Some(text);
        let means = |text: &String| disk.by_id.contains(&name(text)) || is(&disk.serial, text) || is(&disk.wwn, text) || disk.path == *text;
        self.names.iter().any(means)
    }
}

/// The lines for one host, from all of its disks; comments only where its variables name one already.
///
/// A disk that Longhorn has already, or that was begun for it, comes before one that holds nothing.
pub fn propose(host: &str, disks: &[(&BlockDevice, &Examined)], named: Option<&Named>) -> Proposal {
    let Some(named) = named else { return anew(host, disks) };
    let meant: Vec<_> = disks.iter().filter(|(disk, _)| named.means(disk)).collect();
    let Named { variable, at, .. } = named;
    if !meant.is_empty() {
        let lines = meant.iter().map(|one| format!("# {at}: {variable} names {} already: {}", stable_name(one.0), told(one)));
        let disk = if let [one] = meant.as_slice() { Some(stable_name(one.0)) } else { None };
        return Proposal { lines: lines.collect(), disk };
    }
    let Proposal { lines, disk } = anew(host, disks);
    let head =
        format!("# {at}: {variable} is set already, and names none of these disks by what they are called; instead of it there could be");
    let lines = lines.into_iter().map(|line| if line.starts_with('#') { line } else { format!("# {line}") });
    Proposal { lines: std::iter::once(head).chain(lines).collect(), disk }
}

fn anew(host: &str, disks: &[(&BlockDevice, &Examined)]) -> Proposal {
    let is_had = |class: &Class| {
        matches!(class, Class::OursMounted { .. } | Class::OursUnmounted { .. } | Class::HasLonghornData { .. } | Class::New(_))
    };
    let is_blank = |class: &Class| matches!(class, Class::Blank | Class::EmptyTable);
    let fits = |wanted: &dyn Fn(&Class) -> bool| {
        let of = disks.iter().filter(|(disk, examined)| wanted(&examined.class) && can_be_named(disk).is_ok());
        of.map(|(disk, examined)| (*disk, *examined)).collect::<Vec<_>>()
    };
    let (had, blank) = (fits(&is_had), fits(&is_blank));
    let head = format!("# host_vars/{host}.yml");
    match (had.as_slice(), blank.as_slice()) {
        ([one], _) | ([], [one]) => {
            let mut lines = vec![format!("{head}: {}", told(one)), setting(one.0)];
            let others = blank.iter().filter(|other| !had.is_empty() && other.0.path != one.0.path);
            lines.extend(others.map(|other| format!("# there is a blank one, too: {}: {}", stable_name(other.0), told(other))));
            Proposal { lines, disk: Some(stable_name(one.0)) }
        }
        ([], []) => {
            let why = if disks.is_empty() { "it has no disks" } else { "none of its disks can be taken" };
            let each = disks.iter().map(|(disk, examined)| {
                let why = can_be_named(disk).err().filter(|_| is_had(&examined.class) || is_blank(&examined.class));
                let why = why.map_or_else(String::new, |why| format!("; {why}"));
                format!("#   {}: {}{why}", stable_name(disk), told(&(*disk, *examined)))
            });
            Proposal { lines: std::iter::once(format!("{head}: {why}")).chain(each).collect(), disk: None }
        }
        (had, blank) => {
            let several = if had.is_empty() { blank } else { had };
            let head = format!("{head}: {} disks could be meant; take the first # from one of them", several.len());
            let each = several.iter().map(|one| format!("# {}  # {}", setting(one.0), told(one)));
            Proposal { lines: std::iter::once(head).chain(each).collect(), disk: None }
        }
    }
}

/// Whether the module takes it without a further option, by a name that stays.
fn can_be_named(disk: &BlockDevice) -> Result<(), &'static str> {
    if disk.removable || disk.transport.as_deref() == Some("usb") {
        Err("it can be taken out (`allow_removable`)")
    } else if disk.by_id.is_empty() && disk.serial.is_none() && disk.wwn.is_none() {
        Err("it has no name that stays: give the virtual disk a serial number")
    } else {
        Ok(())
    }
}

fn setting(disk: &BlockDevice) -> String {
    let name = stable_name(disk);
    match (&disk.serial, &disk.wwn) {
        _ if !name.starts_with('/') => format!("longhorn_disk: {}", scalar(&name)),
        (Some(serial), _) => format!("longhorn_disks: [{{serial: {}}}]", quoted(serial)),
        (None, wwn) => format!("longhorn_disks: [{{wwn: {}}}]", quoted(wwn.as_deref().unwrap_or_default())),
    }
}

/// As YAML takes it for a text.
fn scalar(text: &str) -> String {
    let is_plain =
        text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if is_plain && text.contains('-') { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn told((disk, examined): &(&BlockDevice, &Examined)) -> String {
    let serial = disk.serial.as_ref().map(|serial| format!("serial {serial}"));
    let parts = [disk.model.clone(), Some(gigabytes(disk.size)), serial, Some(examined.class.to_string())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::device;
    use super::*;

    fn disk(serial: &str) -> BlockDevice {
        let (path, by_id) = (format!("/dev/{serial}"), vec![format!("wwn-0x{serial}"), format!("scsi-0QEMU_{serial}")]);
        BlockDevice { path, by_id, model: Some("QEMU HARDDISK".into()), ..device(Some(serial)) }
    }

    fn lines(disks: &[(BlockDevice, Class)]) -> (String, Option<String>) {
        let examined: Vec<Examined> = disks.iter().map(|(_, class)| Examined { class: class.clone(), evidence: None }).collect();
        let pairs: Vec<_> = disks.iter().map(|(disk, _)| disk).zip(&examined).collect();
        let Proposal { lines, disk } = propose("w1", &pairs, None);
        (lines.join("\n"), disk)
    }

    #[test]
    fn one_several_and_none() {
        let system = || (disk("root"), Class::System(vec!["/".into()]));
        let (one, chosen) = lines(&[system(), (disk("a1"), Class::Blank)]);
        assert_eq!(one, "# host_vars/w1.yml: QEMU HARDDISK, 161 GB, serial a1, blank\nlonghorn_disk: scsi-0QEMU_a1");
        assert_eq!(chosen.as_deref(), Some("scsi-0QEMU_a1"));
        let (several, chosen) = lines(&[(disk("a1"), Class::Blank), system(), (disk("b2"), Class::EmptyTable)]);
        assert_eq!(
            several,
            "# host_vars/w1.yml: 2 disks could be meant; take the first # from one of them\n\
             # longhorn_disk: scsi-0QEMU_a1  # QEMU HARDDISK, 161 GB, serial a1, blank\n\
             # longhorn_disk: scsi-0QEMU_b2  # QEMU HARDDISK, 161 GB, serial b2, a partition table without partitions"
        );
        assert_eq!(chosen, None);
        let (none, _) = lines(&[system(), (BlockDevice { removable: true, ..disk("u1") }, Class::Blank)]);
        assert_eq!(
            none,
            "# host_vars/w1.yml: none of its disks can be taken\n#   scsi-0QEMU_root: QEMU HARDDISK, 161 GB, serial root, system (/)\n\
             #   scsi-0QEMU_u1: QEMU HARDDISK, 161 GB, serial u1, blank; it can be taken out (`allow_removable`)"
        );
        assert_eq!(lines(&[]).0, "# host_vars/w1.yml: it has no disks");
    }

    #[test]
    fn what_is_named_already_is_told_and_nothing_is_there_to_paste() {
        let disks = [disk("a1"), disk("b2")];
        let examined = [Class::Blank, Class::System(vec!["/".into()])].map(|class| Examined { class, evidence: None });
        let pairs: Vec<_> = disks.iter().zip(&examined).collect();
        let of = |name: &str| {
            let named = Named { variable: "longhorn_disk".into(), at: "host_vars/w1.yml:2".into(), names: vec![name.into()] };
            let Proposal { lines, disk } = propose("w1", &pairs, Some(&named));
            assert!(lines.iter().all(|line| line.starts_with('#')), "{lines:?}");
            (lines.join("\n"), disk)
        };
        for name in ["scsi-0QEMU_a1", "wwn-0xa1", "/dev/disk/by-id/scsi-0QEMU_a1", "a1", "/dev/a1"] {
            let (said, disk) = of(name);
            let wanted = "# host_vars/w1.yml:2: longhorn_disk names scsi-0QEMU_a1 already: QEMU HARDDISK, 161 GB, serial a1, blank";
            assert_eq!((said.as_str(), disk.as_deref()), (wanted, Some("scsi-0QEMU_a1")), "{name}");
        }
        assert!(of("b2").0.ends_with(", system (/)"));
        let (other, disk) = of("140G..160G");
        assert!(other.contains("longhorn_disk is set already") && other.ends_with("\n# longhorn_disk: scsi-0QEMU_a1"), "{other}");
        assert_eq!(disk.as_deref(), Some("scsi-0QEMU_a1"));
    }

    #[test]
    fn what_longhorn_has_comes_first_and_names_are_what_yaml_takes_for_texts() {
        let ours = Class::OursMounted { at: vec!["/var/lib/longhorn".into()], filesystem: "ext4".into(), uuid: "u".into() };
        let (text, chosen) = lines(&[(disk("a1"), Class::Blank), (disk("b2"), ours)]);
        assert_eq!(chosen.as_deref(), Some("scsi-0QEMU_b2"));
        assert!(text.contains("\nlonghorn_disk: scsi-0QEMU_b2\n# there is a blank one, too: scsi-0QEMU_a1: "), "{text}");
        let nameless = BlockDevice { by_id: Vec::new(), ..disk("0123") };
        assert!(lines(&[(nameless, Class::Blank)]).0.ends_with("\nlonghorn_disks: [{serial: \"0123\"}]"));
        assert_eq!(["ata-X.1_2", "scsi-a:b", "123", "true"].map(scalar), ["ata-X.1_2", "\"scsi-a:b\"", "\"123\"", "\"true\""]);
    }
}
