//! The person at the keyboard, as far as connecting needs one.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::SecretString;

/// A future that is boxed so that a trait object can return it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who can be asked while connecting. One question at a time is the implementation's concern.
pub trait Person: Send + Sync + std::fmt::Debug {
    /// A passphrase, password or one-time code; `None` if there is nobody to ask. With `echo` it may be shown.
    fn secret<'a>(&'a self, question: &'a str, echo: bool) -> Answer<'a, Option<SecretString>>;

    /// Yes or no; `None` if there is nobody to ask.
    fn confirm<'a>(&'a self, question: &'a str) -> Answer<'a, Option<bool>>;
}

/// Nobody: a run without a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Person for Nobody {
    fn secret<'a>(&'a self, _: &'a str, _: bool) -> Answer<'a, Option<SecretString>> {
        Box::pin(std::future::ready(None))
    }

    fn confirm<'a>(&'a self, _: &'a str) -> Answer<'a, Option<bool>> {
        Box::pin(std::future::ready(None))
    }
}

/// Counts the questions that are open, so that no time-out runs while a person thinks.
#[derive(Debug, Default)]
pub(crate) struct Thinking(AtomicUsize);

impl Thinking {
    /// Awaits an answer without the clock running.
    pub(crate) async fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        struct Done<'a>(&'a AtomicUsize);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        let _done = Done(&self.0);
        answer.await
    }

    /// Whether somebody is thinking now.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}
