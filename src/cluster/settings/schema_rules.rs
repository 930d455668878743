//! What the schema says beside the table: settings that exclude each other, and names that are nobody's to set.

use serde_json::{Map, Value, json};

use super::agree::{API_PORT, OUR_LABELS};
use super::{arguments, chart, kubelet_fields};

/// The schema of `cluster` with them.
pub(super) fn added(mut cluster: Value) -> Value {
    let of_kubelet = json!({ "properties": kubelet() });
    let not_ours =
        json!({ "not": { "anyOf": [{ "enum": OUR_LABELS.map(|(name, _)| name) }, { "pattern": "^node-role\\.kubernetes\\.io/" }] } });
    put(&mut cluster, "/properties/endpoint", of_endpoint());
    put(&mut cluster, "/properties/cni", of_cni());
    put(&mut cluster, "/properties/cni/properties/values", chart::schema());
    put(&mut cluster, "/properties/kube_proxy", of_proxy());
    put(&mut cluster, "/properties/kubelet", of_kubelet);
    put(&mut cluster, "/properties/groups/properties/control_planes", json!({ "minItems": 1 }));
    put(&mut cluster, "/properties/groups/properties/workers", json!({ "minItems": 1 }));
    put(&mut cluster, "/properties/registry_mirrors/additionalProperties", json!({ "minItems": 1 }));
    put(&mut cluster, "/properties/ignore_preflight_errors/items", json!({ "not": { "pattern": "^[aA][lL][lL]$" } }));
    put(&mut cluster, "/properties/labels/additionalProperties", json!({ "allOf": [{ "propertyNames": not_ours }] }));
    put(
        &mut cluster,
        "/properties/network/properties/pods",
        json!({ "not": { "type": "string", "pattern": "^[0-9.]+/([0-7]|2[4-9]|3[0-2])$" } }),
    );
    put(
        &mut cluster,
        "/properties/network/properties/services",
        json!({ "not": { "type": "string", "pattern": "^[0-9.]+/([0-9]|1[01]|29|3[0-2])$" } }),
    );
    for name in ["host", "address"] {
        put(
            &mut cluster,
            &format!("/properties/endpoint/properties/{name}"),
            json!({ "not": { "type": "string", "pattern": NOBODY_REACHES } }),
        );
    }
    put(&mut cluster, "", of_several());
    for (program, owned) in arguments::OWNED {
        let names: Vec<&str> = owned.iter().map(|(name, _)| *name).collect();
        let rule = json!({ "propertyNames": { "pattern": "^[^-]", "not": { "enum": names } } });
        put(&mut cluster, &format!("/properties/extra_arguments/properties/{program}"), rule);
    }
    cluster
}

/// Keywords beside those that are there.
fn put(schema: &mut Value, pointer: &str, keywords: Value) {
    let (Some(Value::Object(schema)), Value::Object(keywords)) = (schema.pointer_mut(pointer), keywords) else { return };
    schema.extend(keywords);
}

/// Where a value is one of these words, these keywords hold too.
fn when(name: &str, words: &[&str], then: &Value) -> Value {
    json!({ "if": { "required": [name], "properties": { name: { "enum": words } } }, "then": then })
}

/// Addresses of loopback, multicast and none.
const NOBODY_REACHES: &str = r"^(127\.|0\.0\.0\.0$|22[4-9]\.|23[0-9]\.|::1?$|[fF][fF][0-9a-fA-F]{2}:)";

/// What one setting makes of another.
fn of_several() -> Value {
    let version = |pattern: &str| json!({ "required": ["version"], "properties": { "version": { "pattern": pattern } } });
    let mode = |words: &[&str]| json!({ "properties": { "kube_proxy": { "properties": { "mode": { "enum": words } } } } });
    let without_ipvs = json!({ "required": ["kube_proxy"], "properties": { "kube_proxy": { "required": ["mode"] } } });
    let by_kube_vip = json!({ "required": ["endpoint"], "properties": { "endpoint": {
        "required": ["served_by"], "properties": { "served_by": { "enum": ["kube-vip"] } } } } });
    let with_strict_arp = json!({ "properties": { "kube_proxy": { "properties": { "strict_arp": { "not": { "enum": [false] } } } } } });
    json!({ "allOf": [
        { "if": version(r"^v?1\.([4-9][0-9])\."), "then": { "allOf": [without_ipvs, mode(&["iptables", "nftables"])] } },
        { "if": version(r"^v?1\.3[12]\."), "then": mode(&["ipvs", "iptables"]) },
        { "if": by_kube_vip, "then": with_strict_arp },
    ] })
}

fn of_endpoint() -> Value {
    let external = json!({ "properties": { "address": { "enum": [null] }, "version": { "enum": [null] } } });
    let kube_vip = json!({ "properties": { "port": { "enum": [API_PORT, null] } } });
    let has_address = json!({ "required": ["address"] });
    let is_name = json!({ "required": ["host", "served_by"], "properties": {
        "host": { "pattern": "[A-Za-z]", "not": { "pattern": "[:{]" } }, "served_by": { "enum": ["kube-vip"] } } });
    json!({ "allOf": [
        when("served_by", &["external"], &external),
        when("served_by", &["kube-vip"], &kube_vip),
        // the address behind a name is not looked up
        { "if": is_name, "then": has_address },
    ] })
}

fn of_cni() -> Value {
    let others = json!({ "properties": { "manifest": { "enum": [null] } } });
    json!({ "allOf": [
        when("name", &["manifest"], &json!({ "required": ["manifest"] })),
        when("name", &["cilium", "flannel", "none"], &others),
        when("name", &["flannel", "manifest", "none"], &json!({ "properties": { "values": { "maxProperties": 0 } } })),
        when("name", &["manifest", "none"], &json!({ "properties": { "version": { "enum": [null] } } })),
    ] })
}

fn of_proxy() -> Value {
    let is_null = json!({ "enum": [null] });
    json!({ "allOf": [
        when("mode", &["iptables", "nftables"], &json!({ "properties": { "strict_arp": is_null, "scheduler": is_null } })),
    ] })
}

/// The kubelet's fields with their kinds, and those that are not the settings'. Another version has others.
fn kubelet() -> Map<String, Value> {
    let owned = kubelet_fields::OWNED.iter().map(|(name, _)| ((*name).to_owned(), json!(false)));
    let known = kubelet_fields::KINDS.iter().flat_map(|(kind, names)| names.iter().map(move |name| ((*name).to_owned(), kind.schema())));
    known.chain(owned).collect()
}
