//! Each fault at each request: told in words, or got over; and the next run makes it whole.

use std::time::{Duration, Instant};

use homelabctl::gitops::github::commit::{Change, CommitError, write};
use homelabctl::gitops::github::repository::{self, Name};
use homelabctl::gitops::github::{Client, Refused, Why};
use secrecy::SecretString;
use serde_json::json;

use crate::commits::{assert_files, count, files, put};
use crate::hub::{How, Hub, error};
use crate::{client, settings};

async fn refused(hub: &Hub, client: &Client) -> Refused {
    let refused = repository::get(client, &Name::new("wbyc", "lab").unwrap()).await.unwrap_err();
    hub.log();
    refused
}

#[tokio::test]
async fn an_unknown_token_is_told_and_not_shown() {
    let hub = Hub::start();
    let mut settings = settings(&hub);
    settings.token = SecretString::from("ghp_old");
    let refused = refused(&hub, &Client::new(&settings).unwrap()).await;
    let said = "reading the repository wbyc/lab: GitHub does not know the token, or no longer (401, Bad credentials)";
    assert_eq!(refused.to_string(), said);
    assert!(refused.hint().unwrap().contains("GITHUB_TOKEN"));
    assert!(!format!("{refused:?}").contains("ghp_old"));
}

#[tokio::test]
async fn limits_are_waited_for_as_long_as_is_reasonable() {
    let hub = Hub::start();
    hub.empty("wbyc/lab");
    let client = client(&hub);
    let soon = error(403, "You have exceeded a secondary rate limit.").with("Retry-After", "1");
    hub.fault("GET /repos/wbyc/lab", 1, How::Answer(soon));
    let begun = Instant::now();
    repository::get(&client, &Name::new("wbyc", "lab").unwrap()).await.unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let late = error(429, "Slow down").with("Retry-After", "3600");
    hub.fault("GET /repos/wbyc/lab", 1, How::Answer(late));
    let said = refused(&hub, &client).await;
    assert!(said.to_string().contains("left alone for a while, 3600 s"), "{said}");
    let none = error(403, "API rate limit exceeded").with("X-RateLimit-Remaining", "0").with("X-RateLimit-Reset", "4102444800");
    hub.fault("GET /repos/wbyc/lab", 1, How::Answer(none));
    let said = refused(&hub, &client).await;
    assert!(said.to_string().contains("no request left this hour; more from 2100-01-01T00:00:00Z"), "{said}");
}

#[tokio::test]
async fn refusals_are_told_with_the_right_that_is_missing() {
    let hub = Hub::start();
    hub.filled("wbyc/lab", "README.md", "hello\n");
    let client = client(&hub);
    let forbidden = || How::Answer(error(403, "Resource not accessible by personal access token"));
    for (at, right) in [
        ("GET /repos/wbyc/lab/branches", "`Contents: read-only`"),
        ("GET /repos/wbyc/lab/rules", "`Metadata: read-only`"),
        ("POST /repos/wbyc/lab/git/blobs", "`Contents: read and write`"),
        ("PATCH /repos/wbyc/lab/git/refs", "`Contents: read and write`"),
    ] {
        hub.fault(at, 1, forbidden());
        let error = put(&client, "main", &files()).await.unwrap_err();
        assert!(error.to_string().contains("the token may not do that (403"), "{at}: {error}");
        assert!(error.hint().unwrap().contains(right), "{at}: {:?}", error.hint());
    }
    hub.fault("POST /repos/wbyc/lab/git/trees", 1, How::Answer(error(404, "Not Found")));
    let said = put(&client, "main", &files()).await.unwrap_err();
    assert!(said.to_string().contains("it says so too to who may not see it"), "{said}");
    let rules = json!({ "message": "Repository rule violations found" });
    hub.fault("PATCH ", 1, How::Answer(crate::wire::Answer::new(422, rules)));
    assert!(matches!(put(&client, "main", &files()).await.unwrap_err(), CommitError::Protected { .. }));
    let moved = error(301, "Moved Permanently").with("Location", "https://api.github.com/repositories/7");
    hub.fault("GET /repos/wbyc/lab", 1, How::Answer(moved));
    let said = refused(&hub, &client).await;
    assert_eq!(said.why, Why::Moved { to: Some("https://api.github.com/repositories/7".into()) });
}

#[tokio::test]
async fn trouble_that_stays_is_told_after_three_times() {
    let hub = Hub::start();
    let client = client(&hub);
    hub.fault("GET /repos/wbyc/lab", 100, How::Answer(error(502, "Bad Gateway")));
    let said = refused(&hub, &client).await;
    assert_eq!((said.why, client.requests().passed()), (Why::Trouble { status: 502 }, 3));
    // a branch that may have moved is looked at, once
    hub.filled("wbyc/other", "README.md", "hello\n");
    hub.fault("PATCH /repos/wbyc/other", 100, How::Answer(error(502, "Bad Gateway")));
    let other = repository::get(&client, &Name::new("wbyc", "other").unwrap()).await.unwrap().unwrap();
    let change = Change { branch: "main", files: &files(), message: "Add Flux", author: None };
    let said = write(&client, &other, &change).await.unwrap_err();
    assert_eq!(said.to_string(), "moving the branch main of wbyc/other: GitHub has trouble of its own (502)");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings(&hub);
    settings.base = format!("http://{nobody}");
    let said = refused(&hub, &Client::new(&settings).unwrap()).await;
    assert!(matches!(said.why, Why::Unreachable { .. }), "{said}");
    settings.base.clone_from(&hub.address);
    settings.answer = Duration::from_millis(50);
    hub.with(|state| state.faults.clear());
    hub.fault("GET /repos/wbyc/lab", 100, How::Slow(Duration::from_millis(300)));
    let said = refused(&hub, &Client::new(&settings).unwrap()).await;
    assert_eq!(said.to_string(), "reading the repository wbyc/lab: no answer after 0.05 s");
}

#[tokio::test]
async fn a_fault_at_any_request_leaves_one_commit() {
    let requests =
        ["GET /repos/wbyc/lab", "branches/", "git/ref/", "contents/", "rules/", "git/trees", "git/blobs", "git/commits", "PATCH "];
    let faults = [How::CutBefore, How::CutAfter, How::Answer(error(500, "Server Error")), How::Answer(error(503, "Unavailable"))];
    for is_empty in [true, false] {
        for at in requests {
            for how in &faults {
                let hub = Hub::start();
                let dir = if is_empty { hub.empty("wbyc/lab") } else { hub.filled("wbyc/lab", "README.md", "hello\n") };
                hub.fault(at, 1, how.clone());
                let client = client(&hub);
                // a fault that passes is got over within the run
                let outcome = put(&client, "main", &files()).await.unwrap_or_else(|error| panic!("{at} {how:?}: {error}"));
                assert_eq!(count(&dir, "main"), 2, "{is_empty} {at} {how:?}");
                assert_files(&dir, "main", &files());
                assert_eq!(Some(outcome.head), crate::endpoints::head(&dir, "main"));
                hub.assert_described();
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_ends_at_any_request_is_taken_up_by_the_next() {
    let requests = ["branches/", "git/trees", "git/blobs", "git/commits", "PATCH ", "contents/"];
    for is_empty in [true, false] {
        for at in requests {
            let hub = Hub::start();
            let dir = if is_empty { hub.empty("wbyc/lab") } else { hub.filled("wbyc/lab", "README.md", "hello\n") };
            let client = client(&hub);
            hub.fault(at, 3, How::CutAfter);
            let _ = put(&client, "main", &files()).await;
            hub.with(|state| state.faults.clear());
            put(&client, "main", &files()).await.unwrap();
            assert_eq!(count(&dir, "main"), 2, "{is_empty} {at}");
            assert_files(&dir, "main", &files());
        }
    }
}

#[tokio::test]
async fn a_run_that_ends_after_any_request_leaves_one_commit_in_the_end() {
    let mut ended = 0;
    for request in 1.. {
        let hub = Hub::start();
        let dir = hub.empty("wbyc/lab");
        let (first, wanted) = (client(&hub), files());
        let (ends, end) = tokio::sync::oneshot::channel::<()>();
        hub.at(request, move || ends.send(()).unwrap_or_default());
        // the process would be killed: nothing more comes of it
        let is_done = tokio::select! {
            biased;
            Ok(()) = end => false,
            done = put(&first, "main", &wanted) => done.is_ok(),
        };
        put(&client(&hub), "main", &files()).await.unwrap();
        assert_eq!(count(&dir, "main"), 2, "{request}");
        assert_files(&dir, "main", &files());
        if is_done {
            break;
        }
        ended += 1;
    }
    assert!(ended > 8, "{ended} requests");
}
