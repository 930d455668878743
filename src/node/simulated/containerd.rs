//! containerd on a simulated machine: what it makes of its file, and what runs since it was started last.

use super::world::World;
use crate::node::facts::{CONTAINERD_FILE as FILE, ContainerdSettings, CriSettings, CriState};
use crate::plan::Reading;

/// The program.
#[derive(Debug, Clone)]
pub(super) struct SimulatedContainerd {
    version: String,
    /// The text of the file that it was started with; none before its first start.
    started_with: Option<Vec<u8>>,
    /// Whether it imports the file beside it.
    imports: bool,
}

const IMPORTED: &str = "/etc/containerd/own.toml";

impl World {
    /// Has containerd of that version, before anything happens; it was started with what its file says now if its unit runs.
    pub fn add_containerd(&mut self, version: &str) {
        let started_with = Some(self.content(FILE).unwrap_or_default());
        self.containerd = Some(SimulatedContainerd { version: version.into(), started_with, imports: false });
    }

    /// It imports a file with that text, before anything happens.
    pub fn import_into_containerd(&mut self, text: &[u8]) {
        self.add_file(IMPORTED, text, 0o644);
        if let Some(containerd) = &mut self.containerd {
            containerd.imports = true;
        }
    }

    /// Its unit was started.
    pub(super) fn containerd_starts(&mut self) {
        let now = self.content(FILE).unwrap_or_default();
        if let Some(containerd) = &mut self.containerd {
            containerd.started_with = Some(now);
        }
    }

    pub(super) fn containerd_fact(&self) -> Reading {
        let Some(containerd) = &self.containerd else { return Reading::Absent };
        match self.settings(&self.content(FILE).unwrap_or_default()) {
            Ok(cri) => Reading::present(&ContainerdSettings { version: containerd.version.clone(), cri }),
            Err(why) => Reading::unknown(format!("containerd does not read its configuration: {why}")),
        }
    }

    pub(super) fn cri_fact(&self) -> Reading {
        if !self.has_crictl {
            return Reading::Absent;
        }
        let down = |why: &str| {
            Reading::present(&CriState { answers: false, why_not: Some(why.into()), is_outdated: false, systemd_cgroups: None })
        };
        let runs = self.units.get("containerd.service").is_some_and(|unit| unit.active);
        let Some(text) = self.containerd.as_ref().filter(|_| runs).and_then(|containerd| containerd.started_with.clone()) else {
            return down("there is no /run/containerd/containerd.sock");
        };
        match self.settings(&text) {
            Ok(settings) if settings.disabled.is_empty() => Reading::present(&CriState {
                answers: true,
                why_not: None,
                is_outdated: self.content(FILE).unwrap_or_default() != text,
                systemd_cgroups: Some(settings.runtimes.get("runc") == Some(&Some(true))),
            }),
            _ => down("unknown service runtime.v1.RuntimeService"),
        }
    }

    /// A file's settings over those that the program was made with.
    fn settings(&self, text: &[u8]) -> Result<CriSettings, String> {
        let file = CriSettings::read(&String::from_utf8_lossy(text))?;
        let containerd = self.containerd.as_ref().ok_or("there is no containerd")?;
        let version = if containerd.version.starts_with('1') { 2 } else { 3 };
        let mut runtimes = file.runtimes;
        runtimes.entry("runc".into()).or_insert(Some(false));
        let mut imports = Vec::new();
        if containerd.imports {
            imports.push(IMPORTED.to_owned());
            let imported = CriSettings::read(&String::from_utf8_lossy(&self.content(IMPORTED).unwrap_or_default()))?;
            runtimes.extend(imported.runtimes);
        }
        Ok(CriSettings {
            version,
            imports,
            disabled: file.disabled,
            runtimes,
            sandbox_image: file.sandbox_image.or_else(|| Some("registry.k8s.io/pause:3.8".into())),
            registry_folder: file.registry_folder,
            has_old_registries: file.has_old_registries,
            cni_folders: if file.cni_folders.is_empty() { vec!["/opt/cni/bin".into()] } else { file.cni_folders },
        })
    }
}
