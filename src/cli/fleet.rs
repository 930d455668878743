//! Many hosts at the same time.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::panics;
use crate::report::{Event, HostAnswer, Outcome, Problem, Reporter};

/// How long a host may take to end cleanly after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// Files that the program needs beside its connections.
const OTHER_FILES: u64 = 200;

/// Lets this process have the sockets that so many hosts need, if the usual limit of 1024 open files is too low for them.
pub(super) fn allow_sockets(forks: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    // a second connection where a host allows one session each
    let needed = u64::try_from(forks).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(OTHER_FILES);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = limit.maximum;
        // if not, hosts that are too many fail to connect, and say why
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Does `work` with each host, at most `forks` at the same time, and tells each answer as it comes.
///
/// Every host has an answer, also one whose work panicked, and one that was not begun before Ctrl-C.
pub(super) async fn each<H, F>(
    hosts: Vec<(Arc<str>, H)>,
    forks: usize,
    reporter: &Reporter,
    cancelled: &CancellationToken,
    work: impl Fn(H) -> F,
) -> Vec<Outcome>
where
    F: Future<Output = HostAnswer> + Send + 'static,
{
    let tasks = hosts.into_iter().map(|(name, host)| {
        let (work, cancelled) = (work(host), cancelled.clone());
        async move {
            // a task of its own, so that all processors take part
            let task = tokio::spawn(one(Arc::clone(&name), work, cancelled, GRACE));
            task.await.unwrap_or_else(|error| HostAnswer::bad(name, Outcome::Unknown, Problem::from_error(&error)))
        }
    });
    let mut answers = stream::iter(tasks).buffer_unordered(forks);
    let mut outcomes = Vec::new();
    while let Some(answer) = answers.next().await {
        outcomes.push(answer.outcome);
        reporter.tell(Event::HostFinished(answer));
    }
    outcomes
}

async fn one(name: Arc<str>, work: impl Future<Output = HostAnswer>, cancelled: CancellationToken, grace: Duration) -> HostAnswer {
    if cancelled.is_cancelled() {
        return HostAnswer::bad(name, Outcome::Unreachable, Problem::new("interrupted before it was contacted"));
    }
    let began = Instant::now();
    let late = async {
        cancelled.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    let mut answer = tokio::select! {
        answer = AssertUnwindSafe(work).catch_unwind() => match answer {
            Ok(answer) => answer,
            // it may have been in the middle of something there
            Err(panic) => HostAnswer::bad(name, Outcome::Unknown, Problem::new(panics::describe(&*panic))),
        },
        () = late => HostAnswer::bad(name, Outcome::Unknown, Problem::new("interrupted, and it did not end in time")),
    };
    answer.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Answer, Ping, Secrets, start};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn good(host: &str) -> HostAnswer {
        HostAnswer::good(host.into(), Outcome::Unchanged, Answer::Ping(Ping { user: "x".into(), connect_ms: 1, round_trip_ms: 1.0 }))
    }

    fn hosts(count: usize) -> Vec<(Arc<str>, usize)> {
        (0..count).map(|n| (format!("m{n}").into(), n)).collect()
    }

    #[tokio::test]
    async fn never_more_than_forks_and_all_of_them() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (reporter, desk) = start(Secrets::default(), Vec::new(), None).unwrap();
        let cancelled = CancellationToken::new();
        let outcomes = each(hosts(50), 7, &reporter, &cancelled, |n| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                good(&format!("m{n}"))
            }
        });
        assert_eq!(outcomes.await.len(), 50);
        assert_eq!(most.load(Ordering::SeqCst), 7);
        desk.close().unwrap();
    }

    #[tokio::test]
    async fn a_panic_concerns_one_host_and_leaves_open_what_happened_there() {
        let (reporter, desk) = start(Secrets::default(), Vec::new(), None).unwrap();
        let work = |n| async move {
            assert!(n != 1, "boom");
            good("m")
        };
        let mut outcomes = each(hosts(3), 3, &reporter, &CancellationToken::new(), work).await;
        outcomes.sort();
        // not failed: its command may have run before the panic
        assert_eq!(outcomes, [Outcome::Unchanged, Outcome::Unchanged, Outcome::Unknown]);
        let answer = one("m1".into(), work(1), CancellationToken::new(), GRACE).await;
        assert!(answer.problem.unwrap().message.starts_with("a bug in this program: boom"));
        desk.close().unwrap();
    }

    #[tokio::test]
    async fn after_an_interrupt_nothing_begins_and_nothing_hangs() {
        let cancelled = CancellationToken::new();
        let hanging = one("m1".into(), std::future::pending(), cancelled.clone(), Duration::from_millis(5));
        let (answer, ()) = tokio::join!(hanging, async { cancelled.cancel() });
        assert_eq!(answer.outcome, Outcome::Unknown);
        assert_eq!(one("m2".into(), async { good("m2") }, cancelled, GRACE).await.outcome, Outcome::Unreachable);
    }
}
