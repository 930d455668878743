//! `template` on a simulated machine.

use serde_json::{Value, json};

use super::*;
use crate::modules::bench::{Bench, Files, Seen};
use crate::node::simulated::{Random, World};

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    world.add_directory("/srv/d", 0o755);
    match random.below(5) {
        0 => world.add_file("/srv/out", b"old", 0o600),
        1 => world.add_file("/srv/out", b"rendered to /srv/out\n", 0o644),
        2 => world.add_link("/srv/out", random.pick(&["d/file", "nowhere/at/all"]).unwrap()),
        3 => world.add_file("/srv/d/t.j2", b"old", 0o644),
        _ => {}
    }
    let dest = *random.pick(&["/srv/out", "/srv/d", "/srv/d/", "/srv/none/out", "/srv/none/"]).unwrap();
    let mut args = json!({"src": random.pick(&["t.j2", "t.j2", "t.j2", "missing.j2"]).unwrap(), "dest": dest});
    for (name, value) in [
        ("force", json!(false)),
        ("follow", json!(true)),
        ("backup", json!(true)),
        ("mode", json!("preserve")),
        ("mode", json!("0640")),
        ("validate", json!("check %s")),
        ("validate", json!("/bin/false %s")),
        ("output_encoding", json!("utf-16")),
    ] {
        if random.once_in(if value == "/bin/false %s" { 8 } else { 3 }) {
            args[name] = value;
        }
    }
    let mut bench = Bench::new(world);
    bench.outside = Files([Files::file("t.j2", b"{{ x }} to {{ template_destpath }}\n", 0o640)].into());
    (bench, args)
}

pub(crate) fn look(args: &Value, bench: &mut Bench, seen: &Seen) {
    if let Seen::Changed(decision, ..) = seen
        && args["mode"] == "preserve"
    {
        let path = decision.result["dest"].as_str().unwrap();
        let result = bench.result(&crate::modules::file::File, &json!({"path": path, "follow": false}), None);
        assert_eq!(result["mode"], "0640", "{args}");
    }
}

#[test]
fn a_text_is_written_in_its_encoding() {
    assert_eq!(encoded("ä", "latin-1"), Ok(vec![0xe4]));
    assert_eq!(encoded("ä", "utf-16"), Ok(vec![0xff, 0xfe, 0xe4, 0]));
    assert_eq!(encoded("a", "UTF_8_sig"), Ok(vec![0xef, 0xbb, 0xbf, b'a']));
    assert!(encoded("ä", "ascii").is_err() && encoded("€", "latin1").is_err() && encoded("a", "cp437").is_err());
}

#[test]
fn options_are_the_engines() {
    let args = Bench::args(
        &Template,
        &json!({"src": "a", "dest": "/b", "variable_start_string": "[[", "newline_sequence": "\\r\\n", "trim_blocks": false}),
    );
    let options = options(&args);
    assert_eq!((options.variable_start.as_str(), options.newline, options.trim_blocks), ("[[", Newline::Dos, false));
    assert_eq!(super::options(&Bench::args(&Template, &json!({"src": "a", "dest": "/b"}))), TemplateOptions::default());
}
