use super::super::call::brought;
use super::super::status::Status;
use super::*;
use crate::node::apply::{Applied, Carried};
use crate::node::lock::LockLost;
use crate::node::machine::Lost;
use crate::node::stage::Load;
use crate::plan::{FactKey, Observation, Plan, Query};

/// A machine that answers what it is told to, and notes what it was asked.
#[derive(Default)]
struct Told {
    /// What comes of each change, the last first; done, if there is none.
    applied: Vec<Applied>,
    /// What comes instead of an answer.
    ask: Option<Unstaged>,
    /// Near what each answer was put, and what it should be newer than.
    asked: Vec<(String, Option<String>)>,
    discarded: Vec<String>,
}

impl Machine for Told {
    async fn read(&mut self, _: &Scope, _: &[Query]) -> Result<Vec<(Query, Observation)>, Lost> {
        Ok(Vec::new())
    }

    async fn apply(&mut self, _: &Scope, _: &Change, _: &[(FactKey, Observation)]) -> Applied {
        self.applied.pop().unwrap_or(Applied::Done(Carried::default()))
    }

    async fn upload(&mut self, _: &Scope, _: &Load<'_>) -> Result<(String, String), Unstaged> {
        Err(Unstaged::Refused("nothing is large here".into()))
    }

    async fn ask_server(&mut self, _: &Scope, errand: &Errand<'_>) -> Result<Had, Unstaged> {
        if let Some(why) = self.ask.clone() {
            return Err(why);
        }
        self.asked.push((errand.near.to_owned(), errand.newer.map(str::to_owned)));
        let body = Source::Staged { path: format!("{}-staged", errand.near), sha256: String::new() };
        Ok(Had::Answer { status: 200, url: errand.http.url.clone(), head: Vec::new(), is_packed: false, body })
    }

    async fn discard(&mut self, _: &Scope, uploaded: &[String]) {
        self.discarded.extend(uploaded.iter().cloned());
    }
}

fn http(method: &str) -> Box<Http> {
    Box::new(Http { url: "http://x/f".into(), method: method.into(), asker: Asker::Controller, ..Http::default() })
}

fn asks(method: &str) -> Change {
    Plan::change([Step::from(Request { http: http(method), whole: true, save: None })])
}

#[tokio::test]
async fn a_list_and_its_file_stand_apart_and_neither_stays() {
    let step = Fetch {
        request: http("GET"),
        path: "/srv/f".into(),
        only_newer: true,
        checksum: Some(("sha256".into(), String::new())),
        checksum_list: Some((http("GET"), "f".into())),
        backup: false,
        owner: "0".into(),
        group: "0".into(),
        mode: 0o644,
    };
    let mut machine = Told::default();
    let done = brought(&mut machine, &Scope::new("h", "root"), &Plan::change([Step::from(step)]), &[]).await.unwrap();
    assert!(matches!(done, Applied::Done(_)), "{done:?}");
    // what the list says decides, not what is newer
    assert_eq!(machine.asked, [("/srv/checksums-of-f".to_owned(), None), ("/srv/f".to_owned(), None)]);
    assert_eq!(machine.discarded, ["/srv/checksums-of-f-staged", "/srv/f-staged"]);
}

#[tokio::test]
async fn of_a_server_that_was_asked_to_act_nobody_says_that_nothing_was_done() {
    let scope = Scope::new("h", "root");
    let ends = || [Applied::NotBegun("gone".into()), Applied::Unusable("no".into()), Applied::Locked(LockLost::Free)];
    for end in ends() {
        // what the plan relies on is compared first: then nothing was asked
        let mut machine = Told { applied: vec![end.clone()], ..Told::default() };
        assert_eq!(brought(&mut machine, &scope, &asks("POST"), &[]).await.unwrap(), end);
        assert!(machine.asked.is_empty());
        let mut machine = Told { applied: vec![end.clone(), Applied::Done(Carried::default())], ..Told::default() };
        let after = brought(&mut machine, &scope, &asks("POST"), &[]).await.unwrap();
        assert!(matches!(after, Applied::Unknown(_)), "{end:?}: {after:?}");
        assert_eq!(machine.asked.len(), 1);
        let mut machine = Told { applied: vec![end.clone()], ..Told::default() };
        assert_eq!(brought(&mut machine, &scope, &asks("GET"), &[]).await.unwrap(), end);
    }
    let mut machine = Told { ask: Some(Unstaged::Sent("gone".into())), ..Told::default() };
    assert_eq!(brought(&mut machine, &scope, &asks("POST"), &[]).await.unwrap(), Applied::Unknown("gone".into()));
    machine.ask = Some(Unstaged::Lost("gone".into()));
    assert_eq!(brought(&mut machine, &scope, &asks("POST"), &[]).await.unwrap_err().status, Status::Unreachable);
}
