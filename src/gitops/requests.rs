//! Every request to GitHub and to Kubernetes passes here: counted, and, in a test that stops the run after each of them in turn, held.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

/// A gate that requests pass one after the other; a clone is the same gate.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    passed: AtomicUsize,
    limit: Option<usize>,
    is_full: Notify,
}

impl Requests {
    /// One that lets so many requests pass and holds the next for ever, as if the program had been killed before it.
    pub fn at_most(limit: usize) -> Self {
        Self(Arc::new(Inner { limit: Some(limit), ..Inner::default() }))
    }

    /// How many have passed.
    pub fn passed(&self) -> usize {
        self.0.passed.load(Ordering::Relaxed)
    }

    /// Ends when a request is held.
    pub async fn held(&self) {
        self.0.is_full.notified().await;
    }

    /// Lets one more pass, or holds it.
    pub(super) async fn pass(&self) {
        let before = self.0.passed.fetch_add(1, Ordering::Relaxed);
        if self.0.limit.is_some_and(|limit| before >= limit) {
            self.0.passed.fetch_sub(1, Ordering::Relaxed);
            self.0.is_full.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// A service whose requests pass the gate.
#[derive(Debug, Clone)]
pub struct Gated<S> {
    inner: S,
    requests: Requests,
}

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        // nothing is sent before the answer is asked for
        let answer = self.inner.call(request);
        let requests = self.requests.clone();
        Box::pin(async move {
            requests.pass().await;
            answer.await
        })
    }
}

/// Puts the gate before a service.
impl<S> Layer<S> for Requests {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, requests: self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_pass_and_the_next_is_held() {
        let requests = Requests::at_most(2);
        let run = async {
            for _ in 0..5 {
                requests.pass().await;
            }
        };
        tokio::select! {
            () = run => panic!("all passed"),
            () = requests.held() => {}
        }
        assert_eq!(requests.passed(), 2);
    }
}
