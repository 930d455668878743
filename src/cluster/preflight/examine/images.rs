//! Where a machine's images come from.

use super::Asking;
use crate::cluster::known::Known;
use crate::cluster::preflight::evidence::Registry;
use crate::cluster::settings::{CniName, ServedBy, Settings};
use crate::node::facts::{PullsLeft, WebAnswer, WebServer};

/// Docker's registry is elsewhere than in its images' names.
const DOCKER: (&str, &str) = ("docker.io", "https://registry-1.docker.io");
/// The repository that is there to be asked for what is left (docs.docker.com/docker-hub/usage/pulls).
const ASKED: &str = "ratelimitpreview/test";
/// Mirrors of all registries that have none of their own, as containerd calls them.
const ALL_OTHERS: &str = "_default";

impl Asking<'_, '_> {
    /// Where the images of the cluster come from, its mirrors first: one of them has to answer.
    pub(super) fn images(&mut self, settings: &Settings) -> Vec<Registry> {
        registries(settings).into_iter().map(|(name, is_needed)| self.registry(settings, name, is_needed)).collect()
    }

    fn registry(&mut self, settings: &Settings, name: &str, is_needed: bool) -> Registry {
        let mirrors = settings.registry_mirrors.get(name).or_else(|| settings.registry_mirrors.get(ALL_OTHERS));
        let mirrors = mirrors.cloned().unwrap_or_default();
        // what a mirror has is pulled by nobody else
        let left = match mirrors.is_empty() && name == DOCKER.0 {
            true => self.known(&PullsLeft { url: DOCKER.1.into(), repository: ASKED.into() }),
            false => Known::Not,
        };
        let own = if name == DOCKER.0 { DOCKER.1.to_owned() } else { format!("https://{name}") };
        let urls = mirrors.into_iter().chain([own]);
        let answers: Vec<Known<WebServer>> =
            urls.map(|url| self.known(&WebAnswer::new(format!("{}/v2/", url.trim_end_matches('/'))))).collect();
        let answer = one_of(answers);
        Registry { name: name.into(), is_needed, answer, left: left.and_then(|left: Option<u32>| left.map_or(Known::Not, Known::Is)) }
    }
}

/// Whether one of them answers as a registry does (distribution-spec, end-1: 200, or 401 where one has to say who one is).
fn one_of(answers: Vec<Known<WebServer>>) -> Known<Result<(), String>> {
    let (mut silent, mut unknown) = (None, None);
    for answer in answers {
        match answer {
            Known::Is(WebServer::Answers(Some(429))) => silent = Some("it lets no more through for now".to_owned()),
            Known::Is(WebServer::Answers(Some(404))) => silent = Some("there is no registry behind that address (404 for /v2/)".to_owned()),
            Known::Is(WebServer::Answers(Some(status @ 500..=599))) => silent = Some(format!("it only says that it cannot ({status})")),
            Known::Is(WebServer::Answers(_)) => return Known::Is(Ok(())),
            Known::Is(WebServer::Silent(why)) => silent = Some(why),
            Known::Not => {}
            Known::Unknown(why) => unknown = Some(why),
        }
    }
    match (unknown, silent) {
        (Some(why), _) => Known::Unknown(why),
        (None, Some(why)) => Known::Is(Err(why)),
        (None, None) => Known::Not,
    }
}

/// The registries of what is pulled at the beginning, and whether no node comes up without; none, if it comes out of an archive.
fn registries(settings: &Settings) -> Vec<(&'static str, bool)> {
    if settings.image_bundle.is_some() {
        return Vec::new();
    }
    let mut names = vec![("registry.k8s.io", true)];
    match settings.cni.name {
        CniName::Cilium => names.push(("quay.io", true)),
        CniName::Flannel => names.push(("ghcr.io", true)),
        CniName::Manifest | CniName::None => {}
    }
    if settings.endpoint.served_by == ServedBy::KubeVip && !names.contains(&("ghcr.io", true)) {
        names.push(("ghcr.io", true));
    }
    // the pods by which `verify` looks at the network; with flannel they have flannel's image
    if settings.cni.name != CniName::Flannel {
        names.push((DOCKER.0, false));
    }
    names
}
