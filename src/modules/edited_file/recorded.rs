//! Edits against what ansible-core's own modules made of the same files (`tests/oracle/edits`).

use serde_json::{Value, json};

use crate::modules::Module;
use crate::modules::bench::{Bench, Seen};
use crate::modules::blockinfile::BlockInFile;
use crate::modules::lineinfile::LineInFile;
use crate::modules::replace::Replace;
use crate::node::simulated::World;

const RECORDS: &str = include_str!("../../../tests/records/edits.json");

/// What became of a case here, in the words of the record.
fn outcome(module: &dyn Module, case: &Value) -> Value {
    let before = case["before"].as_str().unwrap();
    let mut world = World::new(1);
    world.add_file("/etc/f", before.as_bytes(), 0o644);
    let mut bench = Bench::new(world);
    let mut args = case["args"].clone();
    args.as_object_mut().unwrap().insert("path".into(), json!("/etc/f"));
    let (decision, changed) = match bench.run(module, &args) {
        Seen::Failed(_) => return json!({"failed": true}),
        Seen::Unchanged(decision) => (decision, false),
        Seen::Changed(decision, ..) => (decision, true),
        other => panic!("{case}: {other:?}"),
    };
    let after = String::from_utf8(bench.machine.world().content("/etc/f").unwrap()).unwrap();
    let settles = matches!(bench.run(module, &args), Seen::Unchanged(_));
    let mut outcome = json!({"failed": false, "after": after, "changed": changed, "msg": decision.result["msg"], "settles": settles});
    if let Some(found) = decision.result.get("found") {
        outcome.as_object_mut().unwrap().insert("found".into(), found.clone());
    }
    outcome
}

#[test]
fn as_ansible_edits() {
    let records: Value = serde_json::from_str(RECORDS).unwrap();
    let (mut differ, mut failed) = (Vec::new(), 0);
    let cases = records["cases"].as_array().unwrap();
    for case in cases {
        let module: &dyn Module = match case["module"].as_str().unwrap() {
            "lineinfile" => &LineInFile,
            "blockinfile" => &BlockInFile,
            _ => &Replace,
        };
        let mut wanted = case.clone();
        for name in ["module", "args", "before"] {
            wanted.as_object_mut().unwrap().remove(name);
        }
        failed += usize::from(wanted["failed"] == json!(true));
        let is = outcome(module, case);
        if is != wanted {
            differ.push(format!("{} {} {:?}\n  Ansible {wanted}\n  here    {is}", case["module"], case["args"], case["before"]));
        }
    }
    assert!(cases.len() > 700 && failed > 50, "{} cases, {failed} of them fail", cases.len());
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
