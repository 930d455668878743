//! Facts, changes, uploads and the lock on real machines, over real connections.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use homelabctl::node::apply::Applied;
use homelabctl::node::facts::{self, Stat};
use homelabctl::node::hold::{self, Held, HoldError};
use homelabctl::node::host::Host;
use homelabctl::node::lock::{Claim, DIRECTORY, LockLost, Patience};
use homelabctl::node::machine::{Machine as _, Real, Shells as _};
use homelabctl::node::steps::{Source, Step, WriteFile};
use homelabctl::node::upload::{UploadError, upload};
use homelabctl::plan::{Change, Expect, Fact as _, Plan, Query, Reading, Scope};
use homelabctl::transport::{Become, Connection, ShellError};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use crate::connections::{Home, LIMIT, inside, says, shell};
use crate::testbed::{Bed, Sudo};

/// What cannot be read.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
    }
}

fn claim(nonce: &str) -> Claim {
    Claim { nonce: nonce.into(), who: "pat".into(), from: "laptop".into(), since: "2026-01-01T00:00:00Z".into() }
}

fn write(path: &str, source: Source) -> Change<Step> {
    let step = WriteFile { path: path.into(), source, owner: "root".into(), group: "root".into(), mode: 0o640 };
    Plan::change([Step::from(step)]).expect(Expect::present(&Stat::new(path)))
}

async fn take(connection: &Connection, nonce: &str, patience: Patience) -> Result<Held, HoldError> {
    let shell = connection.shell(&Become::root(None), LIMIT).await.unwrap();
    hold::take(shell, DIRECTORY, &claim(nonce), patience, |_| ()).await
}

#[test]
fn all_facts_cost_one_connection_and_one_round_trip() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").without_python().without_downloaders().start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    inside(&bed, async || {
        let connection = Arc::new(home.connect("m1", None).await.unwrap());
        let scope = Scope::new("m1", "root");
        let mut machine = Real::new(Host::new(Arc::clone(&connection), None), None);
        let queries = facts::everything();
        assert!(queries.len() > 30);
        let known = machine.read(&scope, &queries).await.unwrap();
        assert_eq!(known.len(), queries.len());
        // a container shows no kernel modules, and says so
        let hidden = |query: &Query| query.kind == "module";
        let unknown: Vec<_> = known.iter().filter(|(q, o)| matches!(o.reading, Reading::Unknown { .. }) && !hidden(q)).collect();
        assert!(unknown.is_empty(), "{unknown:#?}");
        assert_eq!(machine.shells().shell(&scope).await.unwrap().round_trips(), 1);
        let Connection::Ssh(ssh) = &*connection else { panic!("not by ssh") };
        assert_eq!(ssh.connections().await, 1);
    });
}

#[test]
fn a_machine_is_one_runs_at_a_time() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").sudo(Sudo::Free).start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    let quick = Patience { run: Duration::from_secs(1), ..Patience::default() };
    inside(&bed, async || {
        let (a, b) = (home.connect("m1", None).await.unwrap(), Arc::new(home.connect("m1", None).await.unwrap()));
        let first = take(&a, "first", quick).await.unwrap();
        let error = take(&b, "second", quick).await.unwrap_err();
        assert_eq!(error, HoldError::Locked(claim("first")));
        assert_eq!(error.to_string(), "pat works on this machine from laptop since 2026-01-01T00:00:00Z");

        // who has not got the lock changes nothing, even if they think they have
        let scope = Scope::new("m1", "root");
        let pretender = homelabctl::node::apply::Lock { directory: DIRECTORY.into(), nonce: "second".into() };
        let mut machine = Real::new(Host::new(Arc::clone(&b), None), Some(pretender));
        let change = write("/root/x", Source::Bytes(b"hello".to_vec()));
        let applied = machine.apply(&scope, &change, &[]).await;
        assert_eq!(applied, Applied::Locked(LockLost::Taken(claim("first"))));
        assert_eq!(m.root_says("ls /root/x 2>/dev/null || echo none").unwrap(), "none");

        // the first controller ends, in whatever way: the lock is free at once
        drop(first);
        let started = Instant::now();
        let mut second = take(&b, "second", Patience::default()).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        assert!(matches!(machine.apply(&scope, &change, &[]).await, Applied::Done(_)));
        assert_eq!(m.root_says("cat /root/x; stat -c %a /root/x").unwrap(), "hello640");
        assert_eq!(m.root_says("stat -c %a /run/homelabctl").unwrap(), "700");

        // the holder is killed there: it is noticed here, and by the next change
        m.root_says("pkill -9 -f 'while read -r n k [i]'").unwrap();
        let lost = tokio::time::timeout(Duration::from_secs(10), second.lost()).await;
        assert!(lost.is_ok(), "nobody noticed");
    });
}

#[test]
fn a_machine_that_moved_is_left_alone() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    inside(&bed, async || {
        let connection = Arc::new(home.connect("m1", None).await.unwrap());
        let scope = Scope::new("m1", "root");
        let mut machine = Real::new(Host::new(connection, None), None);
        let query = Stat::new("/root/x").query();
        let seen = machine.read(&scope, std::slice::from_ref(&query)).await.unwrap();
        assert_eq!(seen[0].1.reading, Reading::Absent);
        let relied: Vec<_> = seen.into_iter().map(|(query, o)| (homelabctl::plan::FactKey { scope: scope.clone(), query }, o)).collect();
        m.root_says("echo theirs >/root/x").unwrap();
        let Applied::Moved(moved) = machine.apply(&scope, &write("/root/x", Source::Bytes(b"ours".to_vec())), &relied).await else {
            panic!("it was overwritten")
        };
        assert_eq!(moved[0].was.reading, Reading::Absent);
        assert!(matches!(moved[0].is.reading, Reading::Present(_)));
        assert_eq!(m.root_says("cat /root/x").unwrap(), "theirs");
    });
}

#[test]
fn a_large_file_is_streamed_checked_and_moved_into_place() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    inside(&bed, async || {
        let connection = Arc::new(home.connect("m1", None).await.unwrap());
        let scope = Scope::new("m1", "root");
        let host = Host::new(Arc::clone(&connection), None);
        const LENGTH: u64 = 100_000_000;
        let content = tokio::io::AsyncReadExt::take(tokio::io::repeat(b'x'), LENGTH);
        let source = upload(&host, "root", "/srv/large", content, Some(LENGTH)).await.unwrap();
        assert_eq!(m.root_says("ls /srv/large 2>/dev/null || echo none").unwrap(), "none", "not visible yet");
        let mut machine = Real::new(host, None);
        assert!(matches!(machine.apply(&scope, &write("/srv/large", source), &[]).await, Applied::Done(_)));
        let expected =
            std::process::Command::new("sh").args(["-c", "head -c 100000000 /dev/zero | tr '\\0' x | sha256sum"]).output().unwrap();
        assert_eq!(m.root_says("sha256sum </srv/large").unwrap(), String::from_utf8(expected.stdout).unwrap().trim());

        // what does not arrive whole leaves nothing behind, and what arrives changed is not put in place
        let host = Host::new(Arc::clone(&connection), None);
        let short = upload(&host, "root", "/srv/large", &b"short"[..], Some(50)).await;
        assert!(short.is_err(), "{short:?}");
        let cut = upload(&host, "root", "/srv/large", b"half".as_slice().chain(Broken), None).await;
        assert!(matches!(cut, Err(UploadError::Shell { source: ShellError::Input(_), .. })), "{cut:?}");
        assert_eq!(m.root_says("ls -A /srv").unwrap(), "large");
        let Source::Staged { path, .. } = upload(&host, "root", "/srv/large", &b"whole"[..], Some(5)).await.unwrap() else {
            panic!("not staged")
        };
        let wrong = Source::Staged { path, sha256: "0".repeat(64) };
        let applied = Real::new(host, None).apply(&scope, &write("/srv/large", wrong), &[]).await;
        assert!(matches!(applied, Applied::StepFailed { .. }), "{applied:?}");
        assert_eq!(m.root_says("stat -c %s /srv/large; ls -A /srv").unwrap(), "100000000\nlarge");

        // 100 MB the other way
        let mut root = shell(&connection, &Become::root(None)).await;
        assert_eq!(says(&mut root, "wc -c </srv/large").await.unwrap(), "100000000");
    });
}
