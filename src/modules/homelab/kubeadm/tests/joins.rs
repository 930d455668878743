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
        let (Turn::Act(doings), looks) = counted(&mut *course, &world, 100 * round) else { break };
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
                // what was done before it says by itself that nothing is left to do
                "give" => assert_eq!(looks, 0),
                _ => assert_ne!(looks, 0, "{}", doing.what),
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

#[test]
fn where_the_last_thing_fails_it_is_looked_at_again() {
    let mut world = World::new(&NAMES);
    NAMES.iter().for_each(|name| world.join(name));
    world.nodes.iter_mut().for_each(mark);
    world.tokens.push("abcdef".into());
    let mut course = course(&NAMES, &[], false);
    let mut done = Vec::new();
    for round in 0..12 {
        let (turn, looks) = counted(&mut *course, &world, 10 * round);
        let doings = match turn {
            Turn::Act(doings) => doings,
            Turn::Done(came) => {
                let refused = came.values().filter(|came| came.how != How::Good).count();
                assert_eq!((done.last(), refused), (Some(&"give back the cluster's lease".to_owned()), 0), "{came:?}");
                break;
            }
            other => panic!("{other:?}"),
        };
        for doing in doings {
            // the first time somebody else answers for the API server
            if doing.what.starts_with("revoke") && !done.contains(&doing.what) {
                course.came(&doing, Err(Failed::new("the server is currently unable to handle the request")));
            } else {
                if doing.what.starts_with("revoke") {
                    assert_ne!(looks, 0);
                    world.tokens.clear();
                }
                well(&mut *course, &doing);
            }
            done.push(doing.what);
        }
    }
    assert_eq!(done.iter().filter(|what| what.starts_with("revoke")).count(), 2, "{done:?}");
}
