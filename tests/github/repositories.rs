//! Repositories and branches.

use homelabctl::gitops::github::branch::{self, State};
use homelabctl::gitops::github::host_keys;
use homelabctl::gitops::github::repository::{self, Name, Owner, RepositoryError};
use serde_json::json;

use crate::client;
use crate::hub::Hub;

#[tokio::test]
async fn a_missing_repository_is_made_empty_and_an_existing_one_left_alone() {
    let hub = Hub::start();
    let client = client(&hub);
    let name = Name::new("wbyc", "lab").unwrap();
    assert_eq!(repository::get(&client, &name).await.unwrap(), None);
    let made = repository::create(&client, &name, Owner::User, true).await.unwrap();
    assert!(made.is_private && made.rights.admin && made.default_branch == "main");
    assert_eq!(branch::state(&client, &made, "main").await.unwrap(), State::Empty);
    hub.log();
    // as after a request whose answer was lost
    let again = repository::create(&client, &name, Owner::User, false).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(hub.log(), ["GET /user", "POST /user/repos", "GET /repos/wbyc/lab"]);
    let org = Name::new("the-org", "lab").unwrap();
    assert!(!repository::create(&client, &org, Owner::Organisation, false).await.unwrap().is_private);
}

#[tokio::test]
async fn a_repository_that_cannot_be_made_says_why() {
    let hub = Hub::start();
    let client = client(&hub);
    let error = repository::create(&client, &Name::new("other", "lab").unwrap(), Owner::User, true).await.unwrap_err();
    assert_eq!(error.to_string(), "other/lab is not there, and cannot be made: the token is wbyc's");
    hub.empty("wbyc/hidden");
    hub.with(|state| state.repos.get_mut("wbyc/hidden").unwrap().is_hidden = true);
    let name = Name::new("wbyc", "hidden").unwrap();
    assert_eq!(repository::get(&client, &name).await.unwrap(), None);
    let error = repository::create(&client, &name, Owner::User, true).await.unwrap_err();
    assert_eq!(error, RepositoryError::Hidden(name));
    assert!(error.hint().unwrap().contains("`Metadata: read-only`"));
}

#[tokio::test]
async fn a_branch_is_there_or_would_begin_at_the_default_one() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "README.md", "hello\n");
    let client = client(&hub);
    let lab = repository::get(&client, &Name::new("wbyc", "lab").unwrap()).await.unwrap().unwrap();
    let State::Present { head, is_protected } = branch::state(&client, &lab, "main").await.unwrap() else { panic!("main is there") };
    assert_eq!(Some(&head.commit), crate::endpoints::head(&dir, "main").as_ref());
    assert!(!is_protected);
    assert_eq!(branch::state(&client, &lab, "feature/a").await.unwrap(), State::Missing { base: head });
    assert!(branch::obstacles(&client, &lab.name, "main", false).await.unwrap().is_empty());
}

#[tokio::test]
async fn github_is_known_by_the_keys_that_it_lists() {
    let hub = Hub::start();
    let client = client(&hub);
    // the example of GitHub's description has fingerprints of other keys than those beside them
    let error = host_keys::known_hosts(&client, "github.com").await.unwrap_err().to_string();
    assert!(error.starts_with("reading the keys of GitHub's SSH servers: the answer is not understood: "), "{error}");
    let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    let meta =
        json!({ "ssh_keys": [ed25519], "ssh_key_fingerprints": { "SHA256_ED25519": "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU" } });
    hub.fault("GET /meta", 1, crate::hub::How::Answer(crate::wire::Answer::new(200, meta)));
    assert_eq!(host_keys::known_hosts(&client, "github.com").await.unwrap(), format!("github.com {ed25519}\n"));
}
