//! What containerd makes of its configuration, imports and all: `containerd config dump`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, TableLike};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// containerd's version and its settings for Kubernetes, as the program reads them from its files. What runs may have been
/// started before: [`super::Cri`]. Absent: there is no containerd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Containerd;

impl Fact for Containerd {
    type Value = ContainerdSettings;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["settings"], vec![Touch::Files("/etc/containerd".into()), Touch::Packages])
    }
}

/// containerd's version and settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerdSettings {
    /// The program's version, such as `1.7.27`.
    pub version: String,
    /// What it does for Kubernetes.
    pub cri: CriSettings,
}

/// The settings of containerd's plugins for Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CriSettings {
    /// Of the configuration: 2, 3 or 4.
    pub version: i64,
    /// The files that were read beside it; patterns are left out.
    pub imports: Vec<String>,
    /// Which of the plugins are turned off.
    pub disabled: Vec<String>,
    /// The runtimes that are runc's, and whether each leaves cgroups to systemd; none: nothing is said of it.
    pub runtimes: BTreeMap<String, Option<bool>>,
    /// The image of the container that holds a pod's namespaces.
    pub sandbox_image: Option<String>,
    /// The folder of a file for each registry; none or empty: not used.
    pub registry_folder: Option<String>,
    /// Whether registries are set up in the old way, which excludes the folder.
    pub has_old_registries: bool,
    /// Where programs of CNI are looked for.
    pub cni_folders: Vec<String>,
}

/// What runtimes of runc say of themselves; both words mean the same to Kubernetes.
const RUNC: [&str; 2] = ["io.containerd.runc.v2", "io.containerd.runc.v1"];
/// Where a plugin's settings are, by the version of the configuration (containerd's docs/cri/config.md).
const OLD: &str = "io.containerd.grpc.v1.cri";
const RUNTIME: &str = "io.containerd.cri.v1.runtime";
const IMAGES: &str = "io.containerd.cri.v1.images";

/// The file that it begins with.
pub const FILE: &str = "/etc/containerd/config.toml";

/// The newest version of a configuration that is known here (containerd 2.3).
pub const NEWEST: i64 = 4;

/// The plugins that Kubernetes needs, by all their names: `cri` is that of the first version, which Docker's package uses.
pub const PLUGINS: [&str; 4] = ["cri", OLD, RUNTIME, IMAGES];

/// The keys that lead to the plugin that runs containers.
pub const fn runtime_plugin(version: i64) -> &'static str {
    if version < 3 { OLD } else { RUNTIME }
}

/// The keys that lead to the plugin that has images.
pub const fn image_plugin(version: i64) -> &'static str {
    if version < 3 { OLD } else { IMAGES }
}

impl CriSettings {
    /// Reads a configuration: a file of a person's, or all of it as the program prints it.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub fn read(text: &str) -> Result<Self, String> {
        let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string().trim_end().to_owned())?;
        let root = document.as_table();
        // a file that does not say is of the first version
        let version = root.get("version").and_then(Item::as_integer).unwrap_or(1);
        let plugin = |name| table(root.get("plugins").and_then(Item::as_table_like), name);
        let (runtime, images) = (plugin(runtime_plugin(version)), plugin(image_plugin(version)));
        let words = |item: Option<&Item>| -> Vec<String> {
            item.and_then(Item::as_array).into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        let text = |of: Option<&dyn TableLike>, name| of.and_then(|of| of.get(name)).and_then(Item::as_str).map(str::to_owned);
        let registry = table(images, "registry");
        let cni = table(runtime, "cni");
        let cni_folders = match words(cni.and_then(|cni| cni.get("bin_dirs"))) {
            none if none.is_empty() => text(cni, "bin_dir").into_iter().filter(|folder| !folder.is_empty()).collect(),
            folders => folders,
        };
        // passwords may stand beside the folder, certificates may not
        let is_old = |one: (&str, &Item)| one.1.as_table_like().is_some_and(|one| one.contains_key("tls"));
        let has_old_registries = table(registry, "mirrors").is_some_and(|all| !all.is_empty())
            || table(registry, "configs").is_some_and(|all| all.iter().any(is_old));
        Ok(Self {
            version,
            imports: words(root.get("imports")).into_iter().filter(|path| !path.contains('*') && path != FILE).collect(),
            disabled: words(root.get("disabled_plugins")).into_iter().filter(|name| PLUGINS.contains(&name.as_str())).collect(),
            runtimes: runtimes(table(table(runtime, "containerd"), "runtimes")),
            sandbox_image: if version < 3 { text(images, "sandbox_image") } else { text(table(images, "pinned_images"), "sandbox") },
            registry_folder: text(registry, "config_path").filter(|folder| !folder.is_empty()),
            has_old_registries,
            cni_folders,
        })
    }
}

/// Whether a configuration says anything of the plugins for Kubernetes, right or wrong.
pub fn names_cri(text: &str) -> bool {
    let Ok(document) = text.parse::<DocumentMut>() else { return true };
    let plugins = document.get("plugins").and_then(Item::as_table_like);
    let is_disabled = CriSettings::read(text).is_ok_and(|settings| !settings.disabled.is_empty());
    is_disabled || PLUGINS.iter().any(|name| plugins.is_some_and(|plugins| plugins.contains_key(name)))
}

fn table<'a>(above: Option<&'a dyn TableLike>, name: &str) -> Option<&'a dyn TableLike> {
    above.and_then(|above| above.get(name)).and_then(Item::as_table_like)
}

/// A runtime whose type is not said counts as runc's if it is called that.
fn runtimes(all: Option<&dyn TableLike>) -> BTreeMap<String, Option<bool>> {
    let Some(all) = all else { return BTreeMap::new() };
    let of = |(name, item): (&str, &Item)| {
        let runtime = item.as_table_like()?;
        let kind = runtime.get("runtime_type").and_then(Item::as_str);
        let is_runc = kind.map_or(name == "runc", |kind| RUNC.contains(&kind));
        let options = table(Some(runtime), "options");
        is_runc.then(|| (name.to_owned(), options.and_then(|options| options.get("SystemdCgroup")).and_then(Item::as_bool)))
    };
    all.iter().filter_map(of).collect()
}

pub(super) const KIND: Kind = Kind {
    name: "containerd",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

// Before 2.0 a file that is missing is an error of `dump`'s, and no error of its start. The version is the third word:
// containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+b1
static PROBE: Function = Function {
    name: "probe_containerd",
    text: r#"
probe_containerd() {
  id=$1
  command -v containerd >/dev/null || { r=; answer "$id" 44; return; }
  take containerd --version || { r=$err; answer "$id" 1; return; }
  version=$r
  if ! take containerd config dump; then
    why=$err
    if [ -e /etc/containerd/config.toml ] || ! take containerd config default; then
      r="containerd does not read its configuration: $why"
      answer "$id" 1
      return
    fi
  fi
  r=$version$nl$r
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<ContainerdSettings, String> {
    let (version, dump) = text.split_once('\n').ok_or("nothing is printed")?;
    let version = version.split_whitespace().nth(2).ok_or_else(|| format!("a version as {version:?}"))?;
    Ok(ContainerdSettings { version: version.trim_start_matches('v').to_owned(), cri: CriSettings::read(dump)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_in_each_version() {
        let old = "version = 2\ndisabled_plugins = [\"x\"]\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"pause:3.6\"\n\
                   [plugins.\"io.containerd.grpc.v1.cri\".cni]\nbin_dir = \"/usr/lib/cni\"\n\
                   [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n\
                   [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.kata]\nruntime_type = \"io.containerd.kata.v2\"\n";
        let read = CriSettings::read(old).unwrap();
        assert_eq!((read.version, read.sandbox_image.as_deref(), read.disabled.len()), (2, Some("pause:3.6"), 0));
        assert_eq!(
            (read.cni_folders.as_slice(), read.runtimes),
            (["/usr/lib/cni".to_owned()].as_slice(), [("runc".into(), Some(true))].into())
        );
        let new = "version = 3\ndisabled_plugins = ['cri']\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'pause:3.10'\n\
                   [plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'\n\
                   [plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dirs = ['/opt/cni/bin']\n\
                   [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.crun]\nruntime_type = 'io.containerd.runc.v2'\n";
        let read = CriSettings::read(new).unwrap();
        assert_eq!((read.version, read.sandbox_image.as_deref(), read.disabled.len()), (3, Some("pause:3.10"), 1));
        assert_eq!(read.runtimes, [("crun".into(), None)].into());
        assert_eq!((read.registry_folder.as_deref(), read.has_old_registries), (Some("/etc/containerd/certs.d"), false));
        assert!(CriSettings::read("version = ").unwrap_err().contains("line 1"));
        assert_eq!(CriSettings::read("").unwrap().version, 1);
    }

    #[test]
    fn the_version_is_the_third_word() {
        let text = "containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7\nversion = 3\n";
        assert_eq!(super::read(text).unwrap().version, "2.1.4");
        assert!(super::read("containerd").is_err() && super::read("containerd\nversion = 2").is_err());
    }
}
