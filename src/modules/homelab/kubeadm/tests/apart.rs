//! Hosts that take no part, that are one Node, and clusters of which a part is missing.

use super::*;

#[test]
fn who_takes_part_is_not_well_while_others_keep_it_from_being_judged() {
    let mut world = made(&NAMES, "");
    world.nodes.iter_mut().filter(|node| node["name"] == "w1").for_each(|node| node["labels"] = json!({}));
    world.lease = json!({"holderIdentity": "sam on x", "renewTime": "2090-01-01T00:00:00.000000Z", "leaseDurationSeconds": 180});
    // only the worker takes part; that it waits is told with it
    let left_out = ["m1", "m2", "m3"];
    let mut course = course(&NAMES, &left_out, false);
    let waits = turn(&mut *course, &world, 0);
    assert!(matches!(&waits, Turn::Wait(_, waits) if waits[0].0 == "w1" && waits[0].1.contains("sam on x")), "{waits:?}");
    let came = ended(turn(&mut *course, &world, 901));
    assert!(matches!(&came["w1"].how, How::Unknown(why) if why.contains("it is joined") && why.contains("sam on x")), "{came:?}");
    let came = ended(turn(&mut *self::course(&NAMES, &left_out, true), &world, 0));
    assert!(!matches!(came["w1"].how, How::Good), "{came:?}");
    // what is missing would be made on one that takes no part
    world.lease = Value::Null;
    world.part = "";
    let came = ended(turn(&mut *self::course(&NAMES, &left_out, false), &world, 0));
    assert!(matches!(&came["w1"].how, How::Unknown(why) if why.contains("made from m1 first: the stored configuration")), "{came:?}");
    world.part = "ConfigMap/kubeadm-config";
    let doings = acts(turn(&mut *self::course(&NAMES, &left_out, false), &world, 0));
    assert!(lease(&doings[0]).is_some(), "{doings:?}");
}

#[test]
fn only_what_is_missing_is_uploaded() {
    let mut world = World::new(&["m1"]);
    world.join("m1");
    world.hidden = "ConfigMap/kubelet-config";
    let done = phases(&mut *course(&["m1"], &[], false), &world, "finish making the cluster from m1");
    assert!(
        done[0].0.starts_with("init phase upload-config kubelet --config") && !format!("{done:?}").contains("kubeadm --config"),
        "{done:?}"
    );
}

#[test]
fn two_hosts_with_one_name_are_both_refused() {
    let mut world = made(&NAMES, "");
    world.machines.get_mut("w1").unwrap().calls = Some("m3");
    let came = ended(turn(&mut *course(&NAMES, &[], false), &world, 0));
    for host in ["m3", "w1"] {
        let How::Refused(refusal) = &came[host].how else { panic!("{came:?}") };
        assert!(refusal.why.contains("m3 and w1 are one Node, m3") && refusal.why.contains("the machine-id id-w1"), "{refusal:?}");
        assert!(came[host].changes.is_empty() && refusal.hint.as_ref().unwrap().contains("hostnamectl set-hostname"), "{came:?}");
    }
    assert_eq!(came["m1"].how, How::Good);
}
