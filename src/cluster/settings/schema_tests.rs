//! What `homelabctl schema` says: everything that it can.

use fancy_regex::Regex;
use serde_json::{Value, json};

use super::read::free;
use super::testing::merged;
use super::tests::{broken, leaves};
use super::*;

/// As JSON Schema (draft 2020-12) has it, of the keywords that are used; another one is a failure of the test.
fn takes(schema: &Value, value: &Value) -> bool {
    let Some(keywords) = schema.as_object() else { return schema.as_bool().unwrap() };
    keywords.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "title" | "description" | "default" | "then" => true,
        "type" => rule.as_array().unwrap_or(&vec![rule.clone()]).iter().any(|kind| is(kind.as_str().unwrap(), value)),
        "enum" => rule.as_array().unwrap().contains(value),
        "not" => !takes(rule, value),
        "anyOf" => rule.as_array().unwrap().iter().any(|one| takes(one, value)),
        "allOf" => rule.as_array().unwrap().iter().all(|one| takes(one, value)),
        "if" => !takes(rule, value) || takes(&keywords["then"], value),
        "required" => {
            value.as_object().is_none_or(|map| rule.as_array().unwrap().iter().all(|name| map.contains_key(name.as_str().unwrap())))
        }
        "properties" => {
            value.as_object().is_none_or(|map| map.iter().all(|(name, value)| rule.get(name).is_none_or(|rule| takes(rule, value))))
        }
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let is_named = |name: &str| keywords.get("properties").is_some_and(|named| named.get(name).is_some());
            map.iter().filter(|(name, _)| !is_named(name)).all(|(_, value)| takes(rule, value))
        }),
        "propertyNames" => value.as_object().is_none_or(|map| map.keys().all(|name| takes(rule, &Value::from(name.as_str())))),
        "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= rule.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|one| takes(rule, one))),
        "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
        "pattern" => value.as_str().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text).unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        other => panic!("keyword {other}"),
    })
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    }
}

fn cluster(over: &str) -> Value {
    json!({ "cluster": free(&merged(over)) })
}

/// What it cannot say, since numbers have to be reckoned with, settings of different parts to be compared, or the inventory to be known.
const NOT_TOLD: &[&str] = &[
    "network: {pods: 10.244.0.1/16}",
    "endpoint: {host: 192.168.2.51, served_by: kube-vip, address: 192.168.2.50}",
    "endpoint: {host: 10.244.3.4, served_by: external}",
    "endpoint: {host: kube.example.net, served_by: kube-vip, address: 10.97.0.1}",
    "network: {pods: 10.96.0.0/16}",
    "network: {pods: 'fd00:10:244::/56'}",
    "groups: {control_planes: [nodes], workers: [nodes]}",
    "kubelet: {maxPods: 500}",
    "labels: {w9: {rack: a}}",
    "taints: {worker: ['dedicated=gpu:NoSchedule']}",
    "groups: {control_planes: [mastres]}",
    "groups: {control_planes: [masters, workers], workers: [edge]}",
    "endpoint: {host: 192.168.2.11, served_by: kube-vip}",
    "network: {pods: 192.168.0.0/16}",
    "image_bundle: images.tar",
    "cni: {name: manifest, manifest: cni.yaml}",
];

#[test]
fn it_refuses_each_broken_setting_that_is_wrong_by_itself() {
    let schema = schema();
    assert!(takes(&schema, &cluster("")));
    let passed: Vec<String> = broken().into_iter().filter(|case| takes(&schema, &cluster(case))).collect();
    assert_eq!(passed, NOT_TOLD);
}

#[test]
fn it_takes_the_example_templates_and_what_the_reader_takes() {
    let schema = schema();
    let text = include_str!("../../../inventory/group_vars/all.yml");
    let example = crate::yaml::load(&crate::diagnostics::Source::new("all.yml", text)).unwrap().0.unwrap();
    assert!(takes(&schema, &free(&example)));
    assert!(takes(&schema, &json!({ "other": 1 })));
    let template = "{{ x }}";
    let cluster_of = json!({ "name": template, "version": template, "kube_proxy": { "mode": template, "strict_arp": template },
        "endpoint": { "host": template, "served_by": template, "port": template } });
    assert!(takes(&schema, &json!({ "cluster": cluster_of })));
    for over in [
        "endpoint: {host: 192.168.2.50, served_by: kube-vip}",
        "endpoint: {host: 'fd00::50', served_by: kube-vip, port: 6443, version: v1.0.1}",
        "endpoint: {host: 4kube.example.net, served_by: external, port: 443, address: null}",
        "network: {pods: 'fd00:10:244::/56', services: 'fd00:10:96::/112', domain: k.lan}",
        "cni: {name: manifest, manifest: cni.yaml}",
        "cni: {version: 1.18.4, values: {hubble: {enabled: true, tls: {enabled: false}}, MTU: 1400}}",
        "cni: {values: {hubble: {enabled: true, tls: {auto: {method: certmanager}}}}}",
        "cni: {values: {clustermesh: {useAPIServer: true, apiserver: {tls: {auto: {enabled: false}}}}, hubble: {enabled: false}}}",
        "kube_proxy: {mode: nftables}",
        "kube_proxy: {scheduler: wlc, strict_arp: true}",
        "kubelet: {maxPods: 200, shutdownGracePeriod: 1m30s, evictionHard: {memory.available: 5%}}",
        "extra_arguments: {api_server: {v: 2, profiling: false}, etcd: {quota-backend-bytes: 8589934592}}",
        "certificate_names: ['*.example.net', 192.168.2.9, kube]",
        "registry_mirrors: {_default: ['http://mirror.lan:5000'], 'registry.lan:5000': ['https://a/v2/b']}",
        "labels: {w1: {rack: 7, example.net/ssd: true, empty: ''}}\ntaints: {m1: [], w1: ['a=b:NoSchedule', 'c:NoExecute']}",
        "groups: {control_planes: [cp]}\nignore_preflight_errors: [Swap]\nfeature_gates: {A: false}\nnetwork:\nlabels:",
    ] {
        let mut problems = Diagnostics::new();
        assert!(Settings::read(&merged(over), "2026-10-01", &mut problems).is_some(), "{over}\n{problems}");
        assert!(takes(&schema, &cluster(over)), "{over}");
    }
}

#[test]
fn it_has_every_setting_with_its_default_and_what_it_is_about() {
    let schema = schema();
    leaves("", SETTINGS, &mut |path, field| {
        let pointer = format!("/properties/cluster/properties/{}", path.replace('.', "/properties/"));
        let found = schema.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"));
        assert!(found["description"].as_str().unwrap().starts_with(field.about));
        assert_eq!(found.get("default").is_some(), field.default.is_some(), "{path}");
    });
    insta::assert_json_snapshot!(schema);
}
