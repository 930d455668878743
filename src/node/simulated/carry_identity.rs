//! Names, time zones and apt's keys.

use super::files::Kind;
use super::world::{Stop, World};
use crate::node::openpgp::key_ids;
use crate::node::steps::{AptKeyChange, ChangeAptKeys, SetHardwareClock, SetHostname, SetTimeZone, adjtime};

impl World {
    pub(super) fn set_hostname(&mut self, step: &SetHostname) -> Result<(), Stop> {
        if self.tick()? {
            // systemd gives a machine another name only as long as it has no lasting one
            let text = self.content("/etc/hostname").map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
            let own = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
            self.hostname = own.filter(|_| !step.lasting).unwrap_or(&step.name).to_owned();
            if step.lasting {
                self.put("/etc/hostname", Some(Kind::File(format!("{}\n", step.name).into_bytes())))?;
            }
        }
        Ok(())
    }

    pub(super) fn set_time_zone(&mut self, step: &SetTimeZone) -> Result<(), Stop> {
        if self.files.at(&format!("/usr/share/zoneinfo/{}", step.zone), true).is_err() {
            return Err(format!("Failed to set time zone: Invalid or not installed time zone '{}'", step.zone).into());
        }
        if self.tick()? {
            self.put("/etc/localtime", Some(Kind::Link(format!("../usr/share/zoneinfo/{}", step.zone))))?;
        }
        Ok(())
    }

    pub(super) fn set_hardware_clock(&mut self, step: &SetHardwareClock) -> Result<(), Stop> {
        let is = self.content("/etc/adjtime").map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let will = adjtime(is.as_deref(), step.local);
        if self.tick()? {
            self.put("/etc/adjtime", will.map(|text| Kind::File(text.into_bytes())))?;
        }
        Ok(())
    }

    /// What is there is replaced at once, or goes.
    fn put(&mut self, path: &str, what: Option<Kind>) -> Result<(), Stop> {
        let _ = self.files.unlink(path);
        if let Some(kind) = what {
            let mode = if matches!(kind, Kind::Link(_)) { 0o777 } else { 0o644 };
            let ino = self.files.create(path, kind, mode)?;
            self.files.sync(ino);
        }
        self.files.sync_all();
        Ok(())
    }

    pub(super) fn change_apt_keys(&mut self, step: &ChangeAptKeys) -> Result<(), Stop> {
        if !self.has_apt_key {
            return Err("there is no apt-key".to_owned().into());
        }
        let new = match &step.what {
            AptKeyChange::Add(bytes) => match key_ids(bytes) {
                ids if ids.is_empty() => return Err("gpg: no valid OpenPGP data found.".to_owned().into()),
                ids => ids,
            },
            AptKeyChange::Receive { id, .. } => vec![id.clone()],
            AptKeyChange::Remove(_) => Vec::new(),
        };
        if self.tick()? {
            let keys = self.apt_keys.entry(step.keyring.clone().unwrap_or_default()).or_default();
            if let AptKeyChange::Remove(id) = &step.what {
                keys.retain(|known| !known.ends_with(id.as_str()));
            }
            for id in new {
                if !keys.contains(&id) {
                    keys.push(id);
                }
            }
        }
        Ok(())
    }
}
