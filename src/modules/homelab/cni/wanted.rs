//! Which objects a task of `homelab.cni` wants in the cluster.

use ipnet::IpNet;
use serde_json::Value;

use crate::cluster::cni::{cilium, flannel};
use crate::modules::Task;
use crate::modules::halt::Halt;
use crate::yaml::objects::{list, named, read};

/// The objects of a network.
pub(super) struct Chosen {
    /// What they are, for people.
    pub title: String,
    /// All of them.
    pub manifest: String,
    /// Its DaemonSets, `namespace/name`.
    pub daemon_sets: Vec<String>,
    /// An image that is on every node once it runs; none if that is not known.
    pub image: Option<String>,
}

/// Those of the network that is called so.
pub(super) fn chosen(task: &Task<'_>, name: &str) -> Result<Chosen, Halt> {
    let args = task.args;
    let text = args.str("pods").unwrap_or_default();
    let pods: IpNet = text.parse().map_err(|_| Halt::fail(format!("`{text}` is no network such as 10.244.0.0/16")))?;
    let of = |title: String, objects: &[Value], manifest: String, image: Option<String>| {
        let daemon_sets = named(objects, "DaemonSet").collect();
        Ok(Chosen { title, manifest, daemon_sets, image })
    };
    match name {
        "flannel" => {
            let given = |name: &str| args.str(name).map(str::to_owned);
            let version = args.str("version").unwrap_or(flannel::VERSION).trim_start_matches('v');
            let image = given("image").unwrap_or_else(|| flannel::image(version));
            let flannel = flannel::Flannel {
                backend: given("backend").unwrap_or_else(|| "vxlan".into()),
                interface: given("interface"),
                image: image.clone(),
                plugin_image: given("plugin_image").unwrap_or_else(flannel::plugin_image),
                ..flannel::Flannel::new(pods)
            };
            let objects = flannel.objects();
            of(format!("flannel {version}"), &objects, list(&objects), Some(image))
        }
        "cilium" => {
            let rendered = args.str("objects").unwrap_or_default();
            let objects = read("what helm has made of Cilium's chart", rendered).map_err(Halt::fail)?;
            if let Some(why) = cilium::refused(&objects, &pods) {
                return Err(Halt::refuse(
                    format!("Cilium would not fit the cluster: {why}"),
                    "`cni.values` of the cluster's settings go over this program's own values of the chart: take out what does that",
                ));
            }
            let objects = cilium::adoptable(objects);
            of("Cilium".into(), &objects, list(&objects), None)
        }
        _ => {
            let file = args.str("manifest").unwrap_or_default();
            let bytes = task.outside.file("files", file).map_err(Halt::fail)?;
            let text = String::from_utf8(bytes).map_err(|_| Halt::fail(format!("{file} is no text")))?;
            let objects = read(file, &text).map_err(Halt::fail)?;
            if objects.is_empty() {
                return Err(Halt::fail(format!("{file} holds no object")));
            }
            of(file.to_owned(), &objects, text, None)
        }
    }
}
