//! containerd's configuration, edited: what Kubernetes needs is set, and all else stays byte for byte.

use std::collections::BTreeSet;

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, value};

use crate::node::facts::{CRI_PLUGINS, NEWEST_CONTAINERD_CONFIGURATION as NEWEST, image_plugin, runtime_plugin};

/// What is to be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The image of the container that holds a pod's namespaces.
    pub sandbox_image: &'a str,
    /// The folder of a file for each registry.
    pub registry_folder: &'a str,
    /// Where CNI's programs are looked for; what is there stays if none is named.
    pub cni_folder: Option<&'a str>,
    /// The runtimes of runc that are to leave cgroups to systemd.
    pub runtimes: BTreeSet<&'a str>,
}

/// Why a configuration is not edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotEdited {
    /// What was seen.
    pub why: String,
    /// What goes on.
    pub hint: String,
}

/// The version of a configuration that a containerd of this version is at home with.
pub(super) fn native_version(containerd: &str) -> i64 {
    match release(containerd) {
        (0..=1, _) => 2,
        (2, 0..=2) => 3,
        _ => NEWEST,
    }
}

/// Whether it takes several folders of CNI's programs (containerd 2.1).
fn takes_several_folders(containerd: &str) -> bool {
    release(containerd) >= (2, 1)
}

fn release(containerd: &str) -> (u32, u32) {
    let mut numbers = containerd.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The text of a configuration with what is wanted in it; a new one if there is none.
pub(super) fn edited(text: &str, containerd: &str, wanted: &Wanted<'_>) -> Result<String, NotEdited> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| NotEdited {
        why: format!("/etc/containerd/config.toml is no TOML: {}", error.to_string().trim_end()),
        hint: "mend it, or move it away: `containerd config default` prints one".into(),
    })?;
    let version = version(&document, containerd)?;
    let root = document.as_table_mut();
    if root.get("version").and_then(Item::as_integer) != Some(version) {
        root.insert("version", value(version));
    }
    enable(root);
    let plugins = below(root, "plugins")?;
    let runtime = below(plugins, runtime_plugin(version))?;
    if let Some(folder) = wanted.cni_folder {
        look_for_cni_in(below(runtime, "cni")?, folder, version, containerd);
    }
    let runtimes = below(below(runtime, "containerd")?, "runtimes")?;
    for name in &wanted.runtimes {
        let one = below(runtimes, name)?;
        if one.get("runtime_type").is_none() {
            one.insert("runtime_type", value("io.containerd.runc.v2"));
        }
        set(below(one, "options")?, "SystemdCgroup", true);
    }
    let images = below(plugins, image_plugin(version))?;
    match version {
        ..3 => set(images, "sandbox_image", wanted.sandbox_image),
        _ => set(below(images, "pinned_images")?, "sandbox", wanted.sandbox_image),
    }
    set(below(images, "registry")?, "config_path", wanted.registry_folder);
    Ok(document.to_string())
}

/// The version that the file has, or gets.
fn version(document: &DocumentMut, containerd: &str) -> Result<i64, NotEdited> {
    let native = native_version(containerd);
    let is = document.get("version").and_then(Item::as_integer);
    let has_plugins = document.get("plugins").and_then(Item::as_table_like).is_some_and(|plugins| !plugins.is_empty());
    match is {
        // Docker's package has one that only turns the plugin off
        None | Some(0 | 1) if !has_plugins => Ok(native),
        None | Some(0 | 1) => Err(NotEdited {
            why: "/etc/containerd/config.toml is of version 1, which names its plugins in another way".into(),
            hint: "`containerd config migrate` (of containerd 2) prints it as one that can be edited".into(),
        }),
        Some(version @ 2..=NEWEST) if version <= native => Ok(version),
        Some(version) => Err(NotEdited {
            why: format!("/etc/containerd/config.toml is of version {version}, and containerd {containerd} reads those up to {native}"),
            hint: "move it away, and a new one is written: what is in it of your own has to be brought over".into(),
        }),
    }
}

/// Takes the plugins of Kubernetes off the list of those that are turned off.
fn enable(root: &mut Table) {
    let Some(disabled) = root.get_mut("disabled_plugins").and_then(Item::as_array_mut) else { return };
    disabled.retain(|name| name.as_str().is_none_or(|name| !CRI_PLUGINS.contains(&name)));
}

/// The table of that name, made if there is none.
fn below<'a>(table: &'a mut dyn TableLike, name: &str) -> Result<&'a mut dyn TableLike, NotEdited> {
    let item = table.entry(name).or_insert_with(|| {
        let mut new = Table::new();
        new.set_implicit(true);
        Item::Table(new)
    });
    item.as_table_like_mut().ok_or_else(|| NotEdited {
        why: format!("in /etc/containerd/config.toml `{name}` is no table"),
        hint: "mend it, or move it away: `containerd config default` prints one".into(),
    })
}

/// Sets a value, and leaves one that is right as it is written.
fn set(table: &mut dyn TableLike, name: &str, new: impl Into<toml_edit::Value>) {
    let new: toml_edit::Value = new.into();
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(is) if is.as_str().is_some() && is.as_str() == new.as_str() => {}
        Some(is) if is.as_bool().is_some() && is.as_bool() == new.as_bool() => {}
        // what stands behind it on its line stays
        Some(is) => {
            let decor = is.decor().clone();
            *is = new;
            *is.decor_mut() = decor;
        }
        None => {
            table.insert(name, Item::Value(new));
        }
    }
}

/// One folder, or since containerd 2.1 several: then those that are there stay, and this comes before them.
fn look_for_cni_in(cni: &mut dyn TableLike, folder: &str, version: i64, containerd: &str) {
    if version < 3 || !takes_several_folders(containerd) {
        return set(cni, "bin_dir", folder);
    }
    let before = cni.remove("bin_dir").and_then(|item| item.as_str().map(str::to_owned)).filter(|folder| !folder.is_empty());
    if let Some(folders) = cni.get_mut("bin_dirs").and_then(Item::as_array_mut) {
        if !folders.iter().any(|is| is.as_str() == Some(folder)) {
            folders.insert(0, folder);
        }
        return;
    }
    let folders: Array = [folder].into_iter().chain(before.as_deref().filter(|before| *before != folder)).collect();
    cni.insert("bin_dirs", value(folders));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::facts::CriSettings;

    fn wanted(runtimes: &[&'static str]) -> Wanted<'static> {
        let (sandbox_image, registry_folder) = ("registry.k8s.io/pause:3.10.1", "/etc/containerd/certs.d");
        Wanted { sandbox_image, registry_folder, cni_folder: Some("/opt/cni/bin"), runtimes: runtimes.iter().copied().collect() }
    }

    #[test]
    fn a_new_one_is_of_the_version_that_the_program_is_at_home_with() {
        for (containerd, version) in [("1.6.20~ds1", 2), ("1.7.27", 2), ("2.0.5", 3), ("2.2.0", 3), ("2.3.0", 4), ("3.0.0", 4)] {
            let text = edited("", containerd, &wanted(&["runc"])).unwrap();
            let read = CriSettings::read(&text).unwrap();
            assert_eq!(read.version, version, "{containerd}");
            assert_eq!(read.runtimes, [("runc".into(), Some(true))].into());
            assert_eq!((read.sandbox_image.as_deref(), read.cni_folders.len()), (Some("registry.k8s.io/pause:3.10.1"), 1));
            assert_eq!(read.registry_folder.as_deref(), Some("/etc/containerd/certs.d"));
            assert_eq!(edited(&text, containerd, &wanted(&["runc"])).unwrap(), text);
        }
        insta::assert_snapshot!("containerd_1", edited("", "1.7.27", &wanted(&["runc"])).unwrap());
        insta::assert_snapshot!("containerd_2", edited("", "2.1.4", &wanted(&["runc"])).unwrap());
    }

    /// Debian's package has this.
    const DEBIAN: &str = "version = 2\n\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    [plugins.\"io.containerd.grpc.v1.cri\".cni]\n      \
                          bin_dir = \"/usr/lib/cni\" # Debian's\n      conf_dir = \"/etc/cni/net.d\"\n  [plugins.\"io.containerd.internal.v1.opt\"]\n    \
                          path = \"/var/lib/containerd\"\n";

    #[test]
    fn what_a_person_wrote_stays() {
        insta::assert_snapshot!("debian", edited(DEBIAN, "1.6.20~ds1", &wanted(&["runc"])).unwrap());
        let kept = edited(DEBIAN, "1.6.20~ds1", &Wanted { cni_folder: None, ..wanted(&["runc"]) }).unwrap();
        assert!(kept.contains("bin_dir = \"/usr/lib/cni\" # Debian's\n"), "{kept}");
        let own = "# mine\nversion = 3\nroot = '/data' # large\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia]\n\
                   runtime_type = 'io.containerd.runc.v2'\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia.options]\n\
                   BinaryName = '/usr/bin/nvidia-container-runtime'\n[plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dir = '/usr/lib/cni'\n";
        insta::assert_snapshot!("own", edited(own, "2.1.4", &wanted(&["nvidia", "runc"])).unwrap());
        // the old way of writing it goes on with newer programs
        let old = edited(DEBIAN, "2.1.4", &wanted(&["runc"])).unwrap();
        assert!(old.starts_with("version = 2\n") && old.contains("bin_dir = \"/opt/cni/bin\" # Debian's\n"), "{old}");
    }

    #[test]
    fn dockers_package_has_it_turned_off() {
        let docker = "#   Copyright 2018-2022 Docker Inc.\n\ndisabled_plugins = [\"cri\"]\n\n#root = \"/var/lib/containerd\"\n";
        let text = edited(docker, "1.7.27", &wanted(&["runc"])).unwrap();
        assert!(text.starts_with("#   Copyright 2018-2022 Docker Inc.\n\ndisabled_plugins = []\n"), "{text}");
        assert_eq!(CriSettings::read(&text).unwrap().disabled.len(), 0);
        let other = edited("version = 3\ndisabled_plugins = ['io.containerd.cri.v1.runtime', 'x']\n", "2.0.0", &wanted(&[])).unwrap();
        assert!(other.contains("disabled_plugins = [ 'x']"), "{other}");
    }

    #[test]
    fn what_cannot_be_edited_says_why() {
        let why = |text: &str, containerd| edited(text, containerd, &wanted(&["runc"])).unwrap_err().why;
        assert!(why("[plugins.cri]\nx = 1\n", "1.7.27").contains("of version 1"));
        assert!(why("version = 4\n", "2.1.4").contains("up to 3"));
        assert!(why("version = 9\n", "9.0.0").contains("up to 4"));
        assert!(why("version = 2\nplugins = 3\n", "1.7.27").contains("`plugins` is no table"));
        assert!(why("version = \n", "1.7.27").contains("line 1"));
    }
}
