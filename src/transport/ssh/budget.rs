//! The time that connecting may take, over all its phases and tries.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::ConnectError;
use super::person::Thinking;

/// How exactly a person's thinking is told from a host's silence.
const TICK: Duration = Duration::from_millis(200);

/// What is left of the time to connect; the clock stands still while a person thinks.
#[derive(Debug)]
pub(super) struct Budget<'a> {
    whole: Duration,
    left: Duration,
    thinking: &'a Thinking,
}

impl<'a> Budget<'a> {
    pub(super) fn new(whole: Duration, thinking: &'a Thinking) -> Self {
        Self { whole, left: whole, thinking }
    }

    /// Bounds a phase by what is left.
    pub(super) async fn within<T>(
        &mut self,
        phase: &'static str,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        tokio::pin!(work);
        loop {
            let started = Instant::now();
            let result = timeout(self.left.min(TICK), &mut work).await;
            if !self.thinking.is_open() {
                self.left = self.left.saturating_sub(started.elapsed());
            }
            match result {
                Ok(result) => return result,
                Err(_) if self.left.is_zero() => return Err(ConnectError::TimedOut { phase, after: self.whole }),
                Err(_) => {}
            }
        }
    }

    /// Waits before another try; false at once if there is no time for one.
    pub(super) async fn pause(&mut self, pause: Duration) -> bool {
        self.left = self.left.saturating_sub(pause);
        if self.left.is_zero() {
            return false;
        }
        sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    async fn takes(milliseconds: u32) -> Result<(), ConnectError> {
        sleep(MS * milliseconds).await;
        Ok(())
    }

    #[tokio::test]
    async fn all_phases_share_one_limit() {
        let thinking = Thinking::default();
        let mut budget = Budget::new(MS * 500, &thinking);
        budget.within("one", takes(200)).await.unwrap();
        assert!(budget.pause(MS).await);
        let started = Instant::now();
        let error = budget.within("two", takes(100_000)).await.unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut { phase: "two", after } if after == MS * 500), "{error:?}");
        assert!(started.elapsed() < MS * 400, "{:?}", started.elapsed());
        assert!(!budget.pause(MS).await);
    }

    #[tokio::test]
    async fn a_persons_thinking_does_not_count() {
        let thinking = Thinking::default();
        let mut budget = Budget::new(MS * 300, &thinking);
        let asks = async {
            thinking.wait(takes(900)).await?;
            takes(1).await
        };
        budget.within("asking", asks).await.unwrap();
        assert!(budget.within("after", takes(100_000)).await.is_err());
    }
}
