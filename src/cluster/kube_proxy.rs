//! kube-proxy's configuration on a live cluster: a text of YAML in a ConfigMap, edited where it has to be and nowhere else.
//!
//! People edit it too, and no API checks it: so what is there stays byte for byte, and what cannot be read is refused. kubeadm
//! takes it from there at an upgrade (its own copy is this one; `kubeadm upgrade` keeps what it did not write itself).

use std::ops::Range;

use crate::diagnostics::Source;
use crate::yaml::{Node, Value, load};

/// What kube-proxy is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// How packets are led: `ipvs`, `iptables` or `nftables`.
    pub mode: &'a str,
    /// Whether a node answers ARP for its own addresses only (IPVS).
    pub strict_arp: bool,
    /// How IPVS chooses a pod; what is there stays if none is named.
    pub scheduler: Option<&'a str>,
}

/// One setting of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its keys with dots between.
    pub key: &'static str,
    /// What it was; none where there was none.
    pub before: Option<String>,
    /// What it is then.
    pub after: String,
}

/// The configuration with what is wanted, and what that changes; nothing changed gives the same text.
///
/// # Errors
/// Why it cannot be edited: it is no YAML, no mapping, or written so that a line cannot be added.
pub fn edited(text: &str, wanted: &Wanted<'_>) -> Result<(String, Vec<Changed>), String> {
    let root = read(text)?;
    let kind = root.get("kind").and_then(Node::as_str);
    if kind != Some("KubeProxyConfiguration") {
        return Err(format!("it is a {}, and no KubeProxyConfiguration", kind.unwrap_or("text without a kind")));
    }
    let mut edits = Vec::new();
    let mut changed = Vec::new();
    let mut set = |key: &'static str, after: String, quoted: bool| -> Result<(), String> {
        let edit = edit_of(text, &root, key, if quoted { format!("\"{after}\"") } else { after.clone() }, &after)?;
        if let Some((edit, before)) = edit {
            edits.push(edit);
            changed.push(Changed { key, before, after });
        }
        Ok(())
    };
    if wanted.mode == "ipvs" {
        set("ipvs.strictARP", wanted.strict_arp.to_string(), false)?;
        if let Some(scheduler) = wanted.scheduler {
            set("ipvs.scheduler", scheduler.to_owned(), true)?;
        }
    }
    set("mode", wanted.mode.to_owned(), true)?;
    // from the end: what stands before keeps its place, and of two at one place the first comes first
    edits.reverse();
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut new = text.to_owned();
    for (range, with) in edits {
        new.replace_range(range, &with);
    }
    // it is read once more as the program will read it
    let again = read(&new)?;
    for one in &changed {
        let is = find(&again, one.key).map(shown);
        if is.as_deref() != Some(&one.after) {
            return Err(format!("`{}` cannot be set in it", one.key));
        }
    }
    Ok((new, changed))
}

fn read(text: &str) -> Result<Node, String> {
    let (root, _) =
        load(&Source::new("config.conf", text)).map_err(|problems| format!("it is no YAML: {}", first_line(&problems.to_string())))?;
    root.filter(|root| root.as_map().is_some()).ok_or_else(|| "it is no mapping".to_owned())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn find<'a>(root: &'a Node, key: &str) -> Option<&'a Node> {
    key.split('.').try_fold(root, |node, name| node.get(name))
}

/// A scalar as it counts; null is an empty text, which kube-proxy takes for its own choice.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Bool(is) => is.to_string(),
        Value::Null => String::new(),
        _ => node.as_str().unwrap_or("something else").to_owned(),
    }
}

type Edit = (Range<usize>, String);

/// What has to be put where so that the key has that value, and what it had; none if it has it.
fn edit_of(text: &str, root: &Node, key: &str, written: String, value: &str) -> Result<Option<(Edit, Option<String>)>, String> {
    if let Some(node) = find(root, key) {
        let is = shown(node);
        if is == value {
            return Ok(None);
        }
        if node.as_map().is_some() || node.as_list().is_some() {
            return Err(format!("`{key}` is no plain value in it"));
        }
        // a key with nothing behind it has no place of its own to be written to
        let span = node.place.span.clone();
        let written = if span.is_empty() { format!(" {written}") } else { written };
        return Ok(Some(((span, written), Some(is))));
    }
    let (above, name) = key.rsplit_once('.').map_or((None, key), |(above, name)| (Some(above), name));
    let Some(above) = above else {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Ok(Some(((text.len()..text.len(), format!("{end}{name}: {written}\n")), None)));
    };
    match find(root, above).map(|node| (node, node.as_map())) {
        None => {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            Ok(Some(((text.len()..text.len(), format!("{end}{above}:\n  {name}: {written}\n")), None)))
        }
        Some((_, Some(map))) => {
            let (first, _) = map.first().ok_or_else(|| format!("`{above}` is empty in it: write its settings on lines of their own"))?;
            let start = first.place.span.start;
            let line = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let indent = text.get(line..start).unwrap_or_default();
            if !indent.chars().all(|c| c == ' ') {
                return Err(format!("`{above}` stands on one line in it: write its settings on lines of their own"));
            }
            Ok(Some(((line..line, format!("{indent}{name}: {written}\n")), None)))
        }
        Some((node, None)) if node.is_null() && node.place.span.is_empty() => {
            let at = node.place.span.start;
            Ok(Some(((at..at, format!("\n  {name}: {written}")), None)))
        }
        Some((node, None)) if node.is_null() => Ok(Some(((node.place.span.clone(), format!("\n  {name}: {written}")), None))),
        Some(_) => Err(format!("`{above}` is no mapping in it")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As kubeadm writes it.
    const KUBEADM: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nbindAddress: 0.0.0.0\nbindAddressHardFail: false\nclientConnection:\n  \
        acceptContentTypes: \"\"\n  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf\nclusterCIDR: 10.244.0.0/16\nconfigSyncPeriod: 0s\nipvs:\n  \
        excludeCIDRs: null\n  minSyncPeriod: 0s\n  scheduler: \"\"\n  strictARP: false\n  syncPeriod: 0s\nkind: KubeProxyConfiguration\n\
        metricsBindAddress: \"\"\nmode: \"\"\n# somebody's own\nnodePortAddresses: null\n";

    const IPVS: Wanted<'static> = Wanted { mode: "ipvs", strict_arp: true, scheduler: Some("rr") };

    #[test]
    fn what_kubeadm_wrote_is_changed_in_three_places() {
        let (text, changed) = edited(KUBEADM, &IPVS).unwrap();
        let expected = KUBEADM
            .replace("scheduler: \"\"", "scheduler: \"rr\"")
            .replace("strictARP: false", "strictARP: true")
            .replace("mode: \"\"", "mode: \"ipvs\"");
        assert_eq!(text, expected);
        let keys: Vec<_> = changed.iter().map(|one| (one.key, one.before.as_deref(), one.after.as_str())).collect();
        assert_eq!(keys, [("ipvs.strictARP", Some("false"), "true"), ("ipvs.scheduler", Some(""), "rr"), ("mode", Some(""), "ipvs")]);
        assert_eq!(edited(&text, &IPVS).unwrap(), (text.clone(), Vec::new()));
        // another mode leaves what only concerns IPVS alone
        let (text, changed) = edited(&text, &Wanted { mode: "nftables", strict_arp: false, scheduler: None }).unwrap();
        assert_eq!((changed.len(), text.contains("strictARP: true"), text.contains("mode: \"nftables\"")), (1, true, true));
    }

    #[test]
    fn what_is_missing_is_added() {
        let head = "kind: KubeProxyConfiguration\n";
        for (given, expected) in [
            ("", "ipvs:\n  strictARP: true\nmode: \"ipvs\"\n"),
            ("mode: ipvs", "mode: ipvs\nipvs:\n  strictARP: true\n"),
            ("ipvs:\n    syncPeriod: 0s # mine\nmode: ipvs\n", "ipvs:\n    strictARP: true\n    syncPeriod: 0s # mine\nmode: ipvs\n"),
            ("ipvs:\nmode:\n", "ipvs:\n  strictARP: true\nmode: \"ipvs\"\n"),
            ("ipvs: null\nmode: null\n", "ipvs: \n  strictARP: true\nmode: \"ipvs\"\n"),
            ("ipvs: {strictARP: false}\nmode: ipvs\n", "ipvs: {strictARP: true}\nmode: ipvs\n"),
        ] {
            let wanted = Wanted { scheduler: None, ..IPVS };
            let (text, _) = edited(&format!("{head}{given}"), &wanted).unwrap_or_else(|why| panic!("{given:?}: {why}"));
            assert_eq!(text, format!("{head}{expected}"), "{given:?}");
            assert!(edited(&text, &wanted).unwrap().1.is_empty(), "{given:?}");
        }
    }

    #[test]
    fn what_cannot_be_edited_says_why() {
        let why = |text: &str| edited(text, &IPVS).unwrap_err();
        assert!(why("mode: [").contains("no YAML") && why("- 1\n").contains("no mapping") && why("").contains("no mapping"));
        assert!(why("mode: x\n").contains("no KubeProxyConfiguration"));
        let head = "kind: KubeProxyConfiguration\n";
        assert!(why(&format!("{head}ipvs: {{syncPeriod: 0s}}\n")).contains("stands on one line"));
        assert!(why(&format!("{head}ipvs: 3\n")).contains("`ipvs` is no mapping"));
        assert!(why(&format!("{head}mode: [a]\n")).contains("`mode` is no plain value"));
    }

    proptest! {
        #[test]
        fn all_else_stays_line_by_line(lines in proptest::collection::vec("[a-z]{1,6}: [a-z0-9]{1,6}", 0..6), at in 0usize..6, strict: bool) {
            let mut seen = std::collections::BTreeSet::new();
            let mut all: Vec<String> = lines.into_iter().filter(|line| {
                let key = line.split(':').next().unwrap().to_owned();
                !["mode", "ipvs", "kind"].contains(&key.as_str()) && seen.insert(key)
            }).collect();
            all.insert(at.min(all.len()), "ipvs:\n  strictARP: false\n  x: 1".into());
            all.insert(0, "kind: KubeProxyConfiguration".into());
            let text = all.join("\n") + "\n";
            if let Ok((new, changed)) = edited(&text, &Wanted { mode: "ipvs", strict_arp: strict, scheduler: None }) {
                prop_assert_eq!(changed.len(), 1 + usize::from(strict));
                let back = new.replace("strictARP: true", "strictARP: false").replace("mode: \"ipvs\"\n", "");
                prop_assert_eq!(back, text);
            }
        }
    }
}
