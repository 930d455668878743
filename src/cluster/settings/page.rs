//! The page of all settings: what each is about, and what becomes of a change.

use super::field::{Field, Kind, Live};
use super::table::SETTINGS;

const HEAD: &str = "# Settings of the cluster

Written by `make docs` of the table in `src/cluster/settings/table.rs`; not to be edited.

They stand in the variable `cluster`, in `inventory/group_vars/all.yml` or wherever else a variable of all hosts may. This is enough:

    cluster:
      name: homelab
      endpoint:
        host: kube.example.net
        served_by: kube-vip
        address: 192.168.2.50

All that is wrong with them is told at once, before anything connects; of a playbook that has nothing to do with the cluster it is a
warning. `homelabctl schema` prints a JSON Schema for editors.

What becomes of a change while the cluster lives stands in the last column: *reconciled* is done by the next `homelabctl provision`;
*fixed* is refused, for the reason given, before anything is changed on any host; *shown* is told once as a warning, and nothing is
done, for the reason given. `homelabctl cluster status` shows all differences. What the cluster was made with is read from the cluster
each time (the ConfigMaps kubeadm-config, kubelet-config and kube-proxy, and the nodes), never from a file of this program's. What could
not be read is said to be unknown, and changes nothing.

| setting | default | about | on a live cluster |
|---|---|---|---|
";

/// The page, as Markdown.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    rows("", SETTINGS, &mut text);
    text
}

fn rows(prefix: &str, table: &[Field], text: &mut String) {
    for field in table {
        let name = format!("{prefix}{}", field.name);
        let default = match (field.default, field.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "must be given".to_owned(),
            (None, false) => String::new(),
        };
        let live = match field.live {
            Live::Reconciled if field.note.is_empty() => "reconciled".to_owned(),
            Live::Reconciled => format!("reconciled; {}", field.note),
            Live::Fixed(why) => format!("fixed: {why}"),
            Live::Drift(why) => format!("shown: {why}"),
            Live::Parts => String::new(),
        };
        let about = match field.kind {
            Kind::Choice(words) => format!("{}: `{}`", field.about, words.join("`, `")),
            _ => field.about.to_owned(),
        };
        text.push_str(&format!("| `{name}` | {default} | {about} | {live} |\n"));
        if let Kind::Fields(table) = field.kind {
            rows(&format!("{name}."), table, text);
        }
    }
}
