//! Our key, and those of others.

use homelabctl::gitops::github::Right;
use homelabctl::gitops::github::deploy_key::{KeyError, Outcome, generate, list, reconcile};
use homelabctl::gitops::github::repository::Name;
use serde_json::Value;

use crate::client;
use crate::endpoints::key;
use crate::hub::Hub;

const TITLE: &str = "flux-system-main-flux-system-./clusters/lab";

fn titles(hub: &Hub) -> Vec<(String, bool)> {
    let of = |key: &Value| (key["title"].as_str().unwrap().to_owned(), key["read_only"] == true);
    hub.with(|state| state.repos["wbyc/lab"].keys.iter().map(of).collect())
}

#[tokio::test]
async fn our_key_is_added_kept_and_replaced_and_others_stay() {
    let hub = Hub::start();
    hub.empty("wbyc/lab");
    // ours is behind the first page
    let others: Vec<Value> = (1..=130).map(|id| key(id, &format!("other {id}"), &format!("ssh-rsa {id}"), false)).collect();
    hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().keys = others);
    let (client, name) = (client(&hub), Name::new("wbyc", "lab").unwrap());
    let (old, new) = (generate().unwrap().public, generate().unwrap().public);
    assert_eq!(reconcile(&client, &name, TITLE, &old, true).await.unwrap(), Outcome::Added);
    hub.log();
    assert_eq!(reconcile(&client, &name, TITLE, &format!("{old} a comment"), true).await.unwrap(), Outcome::Kept);
    assert_eq!(hub.log(), ["GET /repos/wbyc/lab/keys", "GET /repos/wbyc/lab/keys"]);
    assert_eq!(reconcile(&client, &name, TITLE, &new, true).await.unwrap(), Outcome::Replaced);
    let requests = hub.log();
    assert_eq!(requests[2..], ["POST /repos/wbyc/lab/keys", "DELETE /repos/wbyc/lab/keys/1001"]);
    let keys = list(&client, &name).await.unwrap();
    assert_eq!((keys.len(), keys.iter().filter(|key| key.title == TITLE).count()), (131, 1));
    assert!(keys.iter().any(|key| key.key == new && key.read_only));
    // the same key with other rights
    assert_eq!(reconcile(&client, &name, TITLE, &new, false).await.unwrap(), Outcome::Replaced);
    assert_eq!(titles(&hub).last().unwrap(), &(TITLE.to_owned(), false));
    assert_eq!(titles(&hub).iter().filter(|(title, _)| title.starts_with("other ")).count(), 130);
}

#[tokio::test]
async fn what_keeps_our_key_out() {
    let hub = Hub::start();
    hub.empty("wbyc/lab");
    hub.empty("wbyc/other");
    let (client, name) = (client(&hub), Name::new("wbyc", "lab").unwrap());
    let ours = generate().unwrap().public;
    hub.with(|state| state.repos.get_mut("wbyc/other").unwrap().keys.push(key(1, "there", &ours, true)));
    let error = reconcile(&client, &name, TITLE, &ours, true).await.unwrap_err();
    assert_eq!(error, KeyError::Elsewhere);
    // whoever gave it its title: it is the cluster's, and it is that which counts
    hub.with(|state| {
        state.repos.get_mut("wbyc/other").unwrap().keys.clear();
        state.repos.get_mut("wbyc/lab").unwrap().keys.push(key(2, "the Flux CLI's", &ours, false));
    });
    assert_eq!(reconcile(&client, &name, TITLE, &ours, true).await.unwrap(), Outcome::Replaced);
    assert_eq!(titles(&hub), [("the Flux CLI's".to_owned(), true)]);
    hub.with(|state| state.admin = false);
    let KeyError::Refused(refused) = reconcile(&client, &name, TITLE, &ours, true).await.unwrap_err() else { panic!("refused") };
    assert_eq!(refused.right, Right::Administration);
    assert!(refused.hint().unwrap().contains("`Administration: read and write`"), "{refused}");
}

#[tokio::test]
async fn a_run_that_was_cut_off_leaves_one_key_in_the_end() {
    for at in ["POST /repos/wbyc/lab/keys", "DELETE /repos/wbyc/lab/keys"] {
        for how in [crate::hub::How::CutBefore, crate::hub::How::CutAfter] {
            let hub = Hub::start();
            hub.empty("wbyc/lab");
            hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().keys.push(key(1, TITLE, "ssh-rsa old", true)));
            let (client, name) = (client(&hub), Name::new("wbyc", "lab").unwrap());
            let ours = generate().unwrap().public;
            hub.fault(at, 1, how.clone());
            let first = reconcile(&client, &name, TITLE, &ours, true).await;
            assert_eq!(first.is_err(), at.starts_with("POST"), "{at} {how:?}: {first:?}");
            reconcile(&client, &name, TITLE, &ours, true).await.unwrap();
            let keys = list(&client, &name).await.unwrap();
            assert_eq!(keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>(), [ours.as_str()], "{at} {how:?}");
        }
    }
}
