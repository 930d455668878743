//! Why a source is not fetched, by what source-controller says of it.

use serde_json::Value;

use super::super::fields::{condition, text};
use super::seen::{Reference, is_answered};
use super::verdict::{Behind, Verdict, dialled, looked_up};

/// What repairs what belongs to the bootstrap: the secret, the deploy key, the host keys, the files.
const BOOTSTRAP: &str = "homelabctl bootstrap";

/// What a source tells: a GitRepository, an OCIRepository, a HelmRepository, a HelmChart, a Bucket.
///
/// `flux` is Flux's namespace: the GitRepository of that name there is the bootstrap's own, and the bootstrap repairs it.
pub(super) fn judge(object: &Value, flux: &str) -> Verdict {
    let who = Reference::of(object);
    let is_ours = who == Reference::new("GitRepository", flux, flux);
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Verdict::new("it is suspended").next(format!(
            "flux resume source {} {} -n {}",
            command(&who.kind),
            who.name,
            who.namespace
        ));
    }
    let ready = condition(object, "Ready");
    let failed = condition(object, "FetchFailed").filter(|failed| failed.status == "True");
    let look = format!("flux events --for {}/{} -n {}", who.kind, who.name, who.namespace);
    let Some(message) = failed.or(ready.filter(|ready| ready.status == "False")).map(|condition| condition.message) else {
        let stored = condition(object, "StorageOperationFailed").filter(|stored| stored.status == "True");
        let verdict = match (stored, ready) {
            (Some(stored), _) => return Verdict::new(stored.message).next(format!("kubectl -n {flux} logs deployment/source-controller")),
            (None, Some(ready)) if ready.status == "True" && is_answered(object) => {
                let revision = text(object, "/status/artifact/revision");
                return Verdict::new(format!("it is ready at {}", if revision.is_empty() { "no revision" } else { revision })).next(look);
            }
            (None, Some(ready)) if is_answered(object) => Verdict::new(format!("not fetched yet: {}", ready.message)),
            _ => Verdict::new("source-controller has not looked at it yet"),
        };
        return verdict.behind(Behind::Controller("source-controller")).next(look);
    };
    let url = text(object, "/spec/url");
    let secret = text(object, "/spec/secretRef/name");
    let mut verdict = said(message, url, secret, text(object, "/spec/ref/branch"), is_ours);
    if who.kind == "HelmChart" {
        // a chart waits for its repository, whose own words are better
        let source = Reference::new(text(object, "/spec/sourceRef/kind"), &who.namespace, text(object, "/spec/sourceRef/name"));
        verdict = verdict.behind(Behind::Object(source));
    }
    if verdict.next.is_none() {
        verdict.next = Some(look);
    }
    verdict
}

/// What a message means.
fn said(message: &str, url: &str, secret: &str, branch: &str, is_ours: bool) -> Verdict {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).map(|host| host.rsplit('@').next().unwrap_or(host));
    let host = host.filter(|host| !host.is_empty()).unwrap_or("the server");
    let is_ssh = url.starts_with("ssh://");
    let repair = |verdict: Verdict| if is_ours { verdict.next(BOOTSTRAP) } else { verdict };

    if let Some((name, trouble)) = looked_up(message) {
        return Verdict::new(format!("the cluster does not find the address of {name} ({trouble})")).behind(Behind::Dns);
    }
    if has(&["knownhosts: key mismatch", "host key mismatch", "knownhosts: key is unknown", "hostkey could not be verified"]) {
        return repair(Verdict::new(format!("the host key of {host} is not among the known_hosts of the secret {secret}: {message}")));
    }
    if has(&["failed to get secret", "secrets \""]) && has(&["not found"]) {
        return repair(Verdict::new(format!("the secret {secret} is missing: {message}")));
    }
    if has(&["unable to authenticate"]) {
        return repair(Verdict::new(format!(
            "{host} does not take the key in the secret {secret}: it is not among the deploy keys of the repository, or was removed with the \
             token that added it"
        )));
    }
    // GitHub says so of a private repository that a key of another one asks for
    if has(&["repository not found", "Repository not found"]) {
        return repair(Verdict::new(format!("{host} shows no repository {url} to {}", if is_ssh { "this key" } else { "this token" })));
    }
    let login = [
        "authentication required",
        "authorization failed",
        "invalid username or password",
        "invalid auth",
        "401 Unauthorized",
        "403 Forbidden",
    ];
    if has(&login) {
        let verdict = Verdict::new(format!("{host} does not take the token in the secret {secret}: {message}"));
        return if is_ours { verdict.next(format!("GITHUB_TOKEN=… {BOOTSTRAP} --token-auth")) } else { verdict };
    }
    if has(&["couldn't find remote ref", "reference not found", "unable to resolve ref"]) {
        let verdict = Verdict::new(format!("there is no branch {} in {url}", if branch.is_empty() { "of that name" } else { branch }));
        return repair(verdict);
    }
    if has(&["git repository is empty", "remote repository is empty"]) {
        return repair(Verdict::new(format!("the repository {url} is empty")));
    }
    if has(&["x509:", "certificate signed by unknown authority", "tls: "]) {
        let verdict = Verdict::new(format!("the certificate of {host} is not trusted: {message}"));
        return if is_ours { verdict.next(format!("{BOOTSTRAP} --ca-file FILE")) } else { verdict };
    }
    if has(&["no space left on device"]) {
        return Verdict::new(format!("the node of source-controller has no space left: {message}")).next("kubectl describe nodes");
    }
    if let Some((address, trouble)) = dialled(message) {
        let port = if is_ssh { "22" } else { "443" };
        let (bare, port) = host.rsplit_once(':').unwrap_or((host, port));
        let address = if address.is_empty() { String::new() } else { format!(" at {address}") };
        // the same from a pod of one's own tells a firewall of the cluster from one outside
        return Verdict::new(format!("{bare}{address} is not reached from the cluster ({trouble})"))
            .next(format!("kubectl run reach --rm -it --restart=Never --image=busybox -- nc -zvw5 {bare} {port}"));
    }
    if has(&["context deadline exceeded"]) {
        return Verdict::new(format!("{host} did not answer in time: {message}"));
    }
    Verdict::new(message)
}

/// What the Flux CLI calls a kind of source.
fn command(kind: &str) -> &'static str {
    match kind {
        "GitRepository" => "git",
        "OCIRepository" => "oci",
        "HelmRepository" => "helm",
        "HelmChart" => "chart",
        _ => "bucket",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failing(message: &str) -> Verdict {
        failing_at("ssh://git@github.com/pat/homelab", "flux-system", message)
    }

    fn failing_at(url: &str, name: &str, message: &str) -> Verdict {
        let object = json!({"kind": "GitRepository", "metadata": {"name": name, "namespace": "flux-system", "generation": 1},
            "spec": {"url": url, "secretRef": {"name": "flux-system"}, "ref": {"branch": "main"}},
            "status": {"observedGeneration": -1, "conditions": [
                {"type": "FetchFailed", "status": "True", "reason": "GitOperationFailed", "message": message, "observedGeneration": 1},
                {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": message, "observedGeneration": 1}]}});
        judge(&object, "flux-system")
    }

    #[test]
    fn each_cause_has_its_words_and_its_command() {
        let remote = "failed to checkout and determine revision: unable to list remote for 'ssh://git@github.com/pat/homelab': ";
        let table: &[(&str, &str, &str)] = &[
            (
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
                "github.com does not take the key in the secret flux-system",
                "homelabctl bootstrap",
            ),
            (
                "ssh: handshake failed: knownhosts: key mismatch",
                "the host key of github.com is not among the known_hosts",
                "homelabctl bootstrap",
            ),
            (
                "ssh: handshake failed: knownhosts: key is unknown",
                "the host key of github.com is not among the known_hosts",
                "homelabctl bootstrap",
            ),
            ("repository not found", "github.com shows no repository ssh://git@github.com/pat/homelab to this key", "homelabctl bootstrap"),
            (
                "dial tcp 140.82.121.4:22: i/o timeout",
                "github.com at 140.82.121.4:22 is not reached from the cluster (i/o timeout)",
                "kubectl run reach --rm -it --restart=Never --image=busybox -- nc -zvw5 github.com 22",
            ),
            ("unable to clone: couldn't find remote ref 'refs/heads/main'", "there is no branch main in ssh://", "homelabctl bootstrap"),
            ("git repository is empty", "the repository ssh://git@github.com/pat/homelab is empty", "homelabctl bootstrap"),
            ("something new", "failed to checkout", "flux events --for GitRepository/flux-system -n flux-system"),
        ];
        for (message, said, next) in table {
            let verdict = failing(&format!("{remote}{message}"));
            assert!(verdict.said.starts_with(said), "{message}: {}", verdict.said);
            assert_eq!(verdict.next.as_deref(), Some(*next), "{message}");
        }
    }

    #[test]
    fn names_lead_to_the_dns() {
        let verdict = failing("dial tcp: lookup github.com on 10.96.0.10:53: no such host");
        assert_eq!(verdict.said, "the cluster does not find the address of github.com (no such host)");
        assert_eq!(verdict.behind, [Behind::Dns]);
    }

    #[test]
    fn what_is_not_ours_is_not_repaired_by_the_bootstrap() {
        let message = "failed to get secret 'flux-system/apps': secrets \"apps\" not found";
        let verdict = failing_at("https://github.com/pat/apps", "apps", message);
        assert_eq!(verdict.next.as_deref(), Some("flux events --for GitRepository/apps -n flux-system"));
        let verdict = failing_at("https://github.com/pat/homelab", "flux-system", "authentication required: Invalid username or token");
        assert_eq!(verdict.next.as_deref(), Some("GITHUB_TOKEN=… homelabctl bootstrap --token-auth"));
        let verdict = failing_at("https://git.lab:8443/x", "x", "dial tcp 10.0.0.9:8443: connect: connection refused");
        assert!(verdict.next.unwrap().ends_with("nc -zvw5 git.lab 8443"));
    }

    #[test]
    fn a_source_without_an_answer_leads_to_its_controller() {
        let mut object = json!({"kind": "GitRepository", "metadata": {"name": "a", "namespace": "b", "generation": 1}, "spec": {}});
        assert_eq!(judge(&object, "flux-system").behind, [Behind::Controller("source-controller")]);
        object["spec"]["suspend"] = json!(true);
        assert_eq!(judge(&object, "flux-system").next.as_deref(), Some("flux resume source git a -n b"));
        let chart = json!({"kind": "HelmChart", "metadata": {"name": "a", "namespace": "b", "generation": 1},
            "spec": {"sourceRef": {"kind": "HelmRepository", "name": "longhorn"}},
            "status": {"conditions": [{"type": "Ready", "status": "False", "message": "no artifact available for HelmRepository source 'longhorn'"}]}});
        assert_eq!(judge(&chart, "flux-system").behind, [Behind::Object(Reference::new("HelmRepository", "b", "longhorn"))]);
    }
}
