//! The client for GitHub against a GitHub of our own, over real git repositories, held to GitHub's own description of its API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../testbed/mod.rs"]
mod testbed;

mod commits;
mod deploy_keys;
mod faults;
mod repositories;

use std::time::Duration;

use homelabctl::gitops::github::{Client, Settings};
use secrecy::SecretString;

use testbed::github::hub::{Hub, TOKEN};
use testbed::github::{endpoints, git, hub, wire};

fn settings(hub: &Hub) -> Settings {
    let mut settings = Settings::new(SecretString::from(TOKEN), Vec::new());
    settings.base = hub.address.clone();
    settings.answer = Duration::from_secs(5);
    settings.patience = Duration::from_secs(2);
    settings.pause = Duration::from_millis(2);
    settings
}

fn client(hub: &Hub) -> Client {
    Client::new(&settings(hub)).unwrap()
}
