//! All joins of one run.

use super::*;

#[test]
fn a_run_joins_all_with_what_it_minted_once_and_takes_that_back_at_the_end() {
    let mut world = World::new(&NAMES);
    world.join("m1");
    mark(&mut world.nodes[0]);
    let mut course = course(&NAMES, &[], false);
    let mut done: Vec<Vec<String>> = Vec::new();
    for round in 0..12 {
        let Turn::Act(doings) = turn(&mut *course, &world, 100 * round) else { break };
        for doing in &doings {
            match doing.what.split(' ').next().unwrap() {
                "mint" => world.tokens.push("abcdef".into()),
                "revoke" => world.tokens.clear(),
                "set" => mark(world.nodes.iter_mut().find(|node| node["name"] == doing.about).unwrap()),
                "join" => {
                    world.join(&doing.about);
                    // a control plane serves the address as soon as it is one
                    let writes = |step: &Step| matches!(step, Step::WriteFile(file) if file.path == kube_vip::PATH);
                    assert_eq!(doing.change.steps.iter().any(writes), doing.about.starts_with('m'));
                }
                _ => {}
            }
            if lease(doing).is_some() {
                world.lease = json!({"holderIdentity": "pat on t480 (run 5eed)", "renewTime": "2090-01-01T00:00:00.000000Z",
                    "leaseDurationSeconds": 300});
            }
            well(&mut *course, doing);
        }
        done.push(doings.into_iter().map(|doing| doing.what).collect());
    }
    assert_eq!(
        done,
        [
            vec!["mint what is joined with, on m1"],
            vec!["join m2 as a control plane", "join w1 as a worker"],
            vec![
                "set labels, annotations and taints of m2",
                "set labels, annotations and taints of w1",
                "join m3 as a control plane",
                "renew the cluster's lease"
            ],
            vec!["set labels, annotations and taints of m3", "revoke join tokens and certificates", "renew the cluster's lease"],
            vec!["give back the cluster's lease"],
        ]
    );
}
