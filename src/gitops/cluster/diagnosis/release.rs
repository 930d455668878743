//! Why a Kustomization or a HelmRelease is not ready, by what its controller says of it.

use serde_json::Value;

use super::super::fields::{Condition, condition, each, text};
use super::seen::{Reference, is_answered};
use super::verdict::{Behind, Verdict};

/// How many objects behind one are looked at.
const MOST: usize = 8;
/// Kinds that can keep a Kustomization waiting, among all that it has applied.
const WAITED_FOR: &[&str] = &["HelmRelease", "Kustomization", "Deployment", "StatefulSet", "DaemonSet", "Job"];

/// What a Kustomization tells.
pub(super) fn kustomization(object: &Value) -> Verdict {
    let who = Reference::of(object);
    let look = format!("flux events --for Kustomization/{} -n {}", who.name, who.namespace);
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Verdict::new("it is suspended").next(format!("flux resume kustomization {} -n {}", who.name, who.namespace));
    }
    let source = || Behind::Object(source(object, "/spec/sourceRef", &who));
    let Some(ready) = condition(object, "Ready").filter(|_| is_answered(object)) else {
        let verdict = Verdict::new("kustomize-controller has not looked at it yet");
        return verdict.behind(Behind::Controller("kustomize-controller")).next(look);
    };
    let message = ready.message;
    match (ready.status, ready.reason) {
        ("True", _) => {
            let applied = text(object, "/status/lastAppliedRevision");
            Verdict::new(format!("it is ready at {}", if applied.is_empty() { "no revision" } else { applied })).behind(source()).next(look)
        }
        ("False", "ArtifactFailed") if message.contains("path not found") => {
            let path = text(object, "/spec/path");
            let revision = text(object, "/status/lastAttemptedRevision");
            let at = if revision.is_empty() { String::new() } else { format!(" at {revision}") };
            let source = self::source(object, "/spec/sourceRef", &who);
            // the bootstrap writes its own path
            let next = match who.name == who.namespace {
                true => "homelabctl bootstrap".to_owned(),
                false => format!("git ls-files {}", if path.is_empty() { "." } else { path }),
            };
            Verdict::new(format!("there is no path {path} in {source}{at}")).next(next)
        }
        ("False", "ArtifactFailed") => Verdict::new(message).behind(source()).behind(Behind::Controller("source-controller")).next(look),
        ("False", "DependencyNotReady") => match dependency("Kustomization", message, &who) {
            Some(dependency) => Verdict::new(format!("waits for {dependency}")).behind(Behind::Object(dependency)).next(look),
            None => Verdict::new(message).next(look),
        },
        ("False", "BuildFailed") => {
            let path = text(object, "/spec/path");
            let build = format!("flux build kustomization {} -n {} --path {path}", who.name, who.namespace);
            Verdict::new(format!("its files do not build: {}", without_temporary(message))).next(build)
        }
        ("False", "HealthCheckFailed") => {
            let named = named(message);
            let short = match named.is_empty() {
                true => message.to_owned(),
                false => "what it applied does not become healthy".to_owned(),
            };
            named.into_iter().take(MOST).fold(Verdict::new(short), |verdict, named| verdict.behind(Behind::Object(named))).next(look)
        }
        ("False", _) => refused(message, &who, text(object, "/spec/path"), look),
        _ => {
            let doing = condition(object, "Reconciling").map_or(message, |reconciling| reconciling.message);
            let verdict = Verdict::new(format!("still at it: {doing}")).next(look).behind(source());
            waited_for(object).into_iter().take(MOST).fold(verdict, |verdict, object| verdict.behind(Behind::Object(object)))
        }
    }
}

/// What a HelmRelease tells.
pub(super) fn helm_release(object: &Value) -> Verdict {
    let who = Reference::of(object);
    let look = format!("flux events --for HelmRelease/{} -n {}", who.name, who.namespace);
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Verdict::new("it is suspended").next(format!("flux resume helmrelease {} -n {}", who.name, who.namespace));
    }
    let Some(ready) = condition(object, "Ready").filter(|_| is_answered(object)) else {
        return Verdict::new("helm-controller has not looked at it yet").behind(Behind::Controller("helm-controller")).next(look);
    };
    match ready.reason {
        "DependencyNotReady" => match dependency("HelmRelease", ready.message, &who) {
            Some(dependency) => Verdict::new(format!("waits for {dependency}")).behind(Behind::Object(dependency)).next(look),
            None => Verdict::new(ready.message).next(look),
        },
        "SourceNotReady" | "ArtifactFailed" => {
            let chart = match text(object, "/spec/chartRef/kind") {
                "" => chart(object, &who),
                _ => source(object, "/spec/chartRef", &who),
            };
            Verdict::new(format!("its chart is not there: {}", ready.message)).behind(Behind::Object(chart)).next(look)
        }
        _ => {
            let first = |texts: &[&str]| texts.iter().find(|text| !text.is_empty()).map(|text| (*text).to_owned()).unwrap_or_default();
            let namespace = first(&[text(object, "/spec/targetNamespace"), &who.namespace]);
            let release = first(&[text(object, "/status/history/0/name"), text(object, "/spec/releaseName"), &who.name]);
            let behind = Behind::Pods { namespace, labels: None, release: Some(release) };
            Verdict::new(helm_said(object, ready)).behind(behind).next(look)
        }
    }
}

/// Helm's own words; where helm-controller has given up, that.
fn helm_said(object: &Value, ready: Condition<'_>) -> String {
    let last = [condition(object, "Released"), Some(ready)].into_iter().flatten().find(|condition| condition.status == "False");
    let cause = last.map_or(ready.message, |last| last.message);
    let cause = cause.split_once(" with chart ").and_then(|(_, rest)| rest.split_once(": ")).map_or(cause, |(_, cause)| cause);
    match condition(object, "Stalled").filter(|stalled| stalled.status == "True") {
        Some(stalled) if stalled.reason == "RetriesExceeded" => {
            let what = if stalled.message.contains("upgrade") { "upgrade" } else { "install" };
            // a time-out is no cause; that is with the pods
            match cause.ends_with("context deadline exceeded") {
                true => format!("{what} retries exhausted"),
                false => format!("{what} retries exhausted: {cause}"),
            }
        }
        _ if ready.status == "False" => cause.to_owned(),
        _ => format!("still at it: {}", ready.message),
    }
}

/// The HelmChart that helm-controller makes of `spec.chart`.
fn chart(object: &Value, who: &Reference) -> Reference {
    let (namespace, name) = match text(object, "/status/helmChart").split_once('/') {
        Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
        None => {
            let namespace = text(object, "/spec/chart/spec/sourceRef/namespace");
            let namespace = if namespace.is_empty() { &who.namespace } else { namespace };
            (namespace.to_owned(), format!("{}-{}", who.namespace, who.name))
        }
    };
    Reference::new("HelmChart", &namespace, &name)
}

fn source(object: &Value, at: &str, who: &Reference) -> Reference {
    let part = |name: &str| text(object, &format!("{at}/{name}"));
    let namespace = if part("namespace").is_empty() { &who.namespace } else { part("namespace") };
    Reference::new(part("kind"), namespace, part("name"))
}

/// `dependency 'ns/name' is not ready`; the kind is the dependant's own.
fn dependency(kind: &str, message: &str, who: &Reference) -> Option<Reference> {
    let quoted = message.split_once("dependency '").or_else(|| message.split_once("get '"))?.1.split_once('\'')?.0;
    let (namespace, name) = quoted.split_once('/').unwrap_or((&who.namespace, quoted));
    Some(Reference::new(kind, namespace, name))
}

/// The objects that a failed health check names: `timeout waiting for: [Deployment/a/b status: 'InProgress', …]`.
fn named(message: &str) -> Vec<Reference> {
    let mut found: Vec<Reference> = Vec::new();
    let words = message.split([' ', '[', ',', ']', ';']);
    for named in words.filter_map(|word| Reference::from_message(word.trim_end_matches(':'))) {
        if !found.contains(&named) {
            found.push(named);
        }
    }
    found
}

/// What a Kustomization that is still waiting waits for: its health checks, or all of its workloads.
fn waited_for(object: &Value) -> Vec<Reference> {
    let checks: Vec<Reference> = each(object, "/spec/healthChecks")
        .map(|check| Reference::new(text(check, "/kind"), text(check, "/namespace"), text(check, "/name")))
        .collect();
    if !checks.is_empty() || object.pointer("/spec/wait") != Some(&Value::Bool(true)) {
        return checks;
    }
    // an id is namespace_name_group_kind, where a colon of a name is written as two underscores
    let entry = |entry: &Value| {
        let mut parts = text(entry, "/id").rsplitn(3, '_');
        let (kind, _group, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let (namespace, name) = rest.split_once('_')?;
        WAITED_FOR.contains(&kind).then(|| Reference::new(kind, namespace, &name.replace("__", ":")))
    };
    each(object, "/status/inventory/entries").filter_map(entry).collect()
}

/// An apply that Kubernetes refused.
fn refused(message: &str, who: &Reference, path: &str, look: String) -> Verdict {
    if let Some((_, rest)) = message.split_once("no matches for kind \"") {
        let kind = rest.split('"').next().unwrap_or_default();
        let version = rest.split_once("in version \"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
        let group = version.split('/').next().unwrap_or_default();
        let verdict = Verdict::new(format!("the cluster knows no kind {kind} in version {version}: {}", before(message, ": no matches")));
        // versions that Flux itself has dropped are rewritten by its CLI
        return match group.ends_with(".toolkit.fluxcd.io") {
            true => verdict.next("flux migrate -f ."),
            false => verdict.next(format!("kubectl api-resources --api-group={group}")),
        };
    }
    if let Some((_, rest)) = message.split_once("failed calling webhook") {
        // its service is named in its address: https://cert-manager-webhook.cert-manager.svc:443/…
        let service = rest.split_once("https://").and_then(|(_, rest)| rest.split_once(".svc")).map(|(service, _)| service);
        let (name, namespace) = service.and_then(|service| service.split_once('.')).unwrap_or_default();
        let verdict = Verdict::new(message);
        return match namespace.is_empty() {
            true => verdict.next(look),
            false => verdict
                .behind(Behind::Pods { namespace: namespace.into(), labels: None, release: None })
                .next(format!("kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={name}")),
        };
    }
    if message.contains("dry-run failed") {
        let diff = format!("flux diff kustomization {} -n {} --path {path}", who.name, who.namespace);
        return Verdict::new(message).next(diff);
    }
    Verdict::new(message).next(look)
}

fn before<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or(text, |(before, _)| before)
}

/// A message without the names of the controller's temporary folders, which nobody can look into.
fn without_temporary(message: &str) -> String {
    let word = |word: &str| match word.split_once("/tmp/kustomization-") {
        Some((before, rest)) => format!("{before}.{}", rest.split_once('/').map(|(_, rest)| format!("/{rest}")).unwrap_or_default()),
        None => word.to_owned(),
    };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ks(status: &str, reason: &str, message: &str) -> Value {
        json!({"kind": "Kustomization", "metadata": {"name": "apps", "namespace": "flux-system", "generation": 1},
            "spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
            "status": {"observedGeneration": 1, "lastAttemptedRevision": "main@sha1:5c1c",
                "conditions": [{"type": "Ready", "status": status, "reason": reason, "message": message}]}})
    }

    #[test]
    fn a_path_that_is_not_there() {
        let object =
            ks("False", "ArtifactFailed", "kustomization path not found: stat /tmp/kustomization-12/apps: no such file or directory");
        let verdict = kustomization(&object);
        assert_eq!(verdict.said, "there is no path ./apps in GitRepository flux-system/flux-system at main@sha1:5c1c");
        assert_eq!(verdict.next.as_deref(), Some("git ls-files ./apps"));
        assert!(verdict.behind.is_empty());
    }

    #[test]
    fn a_failed_health_check_leads_to_what_it_names() {
        let message = "health check failed after 5m0s: timeout waiting for: [HelmRelease/longhorn-system/longhorn status: 'InProgress', \
                       Deployment/a/b status: 'Failed': x]";
        let verdict = kustomization(&ks("False", "HealthCheckFailed", message));
        let named = [Reference::new("HelmRelease", "longhorn-system", "longhorn"), Reference::new("Deployment", "a", "b")];
        assert_eq!(verdict.behind, named.map(Behind::Object));
        assert_eq!(verdict.said, "what it applied does not become healthy");
    }

    #[test]
    fn a_dependency_leads_to_it() {
        let verdict = kustomization(&ks("False", "DependencyNotReady", "dependency 'flux-system/infra' is not ready"));
        assert_eq!(verdict.said, "waits for Kustomization flux-system/infra");
        assert_eq!(verdict.behind, [Behind::Object(Reference::new("Kustomization", "flux-system", "infra"))]);
    }

    #[test]
    fn what_kubernetes_refuses() {
        let message = "HelmRelease/a/b dry-run failed: no matches for kind \"HelmRelease\" in version \"helm.toolkit.fluxcd.io/v2beta2\"";
        let verdict = kustomization(&ks("False", "ReconciliationFailed", message));
        assert!(
            verdict.said.starts_with("the cluster knows no kind HelmRelease in version helm.toolkit.fluxcd.io/v2beta2: HelmRelease/a/b")
        );
        assert_eq!(verdict.next.as_deref(), Some("flux migrate -f ."));
        let message = "Issuer/a/b dry-run failed: no matches for kind \"Issuer\" in version \"cert-manager.io/v1\"";
        let verdict = kustomization(&ks("False", "ReconciliationFailed", message));
        assert_eq!(verdict.next.as_deref(), Some("kubectl api-resources --api-group=cert-manager.io"));
        let message = "Issuer/a/b dry-run failed (InternalError): Internal error occurred: failed calling webhook \"webhook.cert-manager.io\": \
                       failed to call webhook: Post \"https://cert-manager-webhook.cert-manager.svc:443/mutate?timeout=10s\": no endpoints \
                       available for service \"cert-manager-webhook\"";
        let verdict = kustomization(&ks("False", "ReconciliationFailed", message));
        assert_eq!(verdict.behind, [Behind::Pods { namespace: "cert-manager".into(), labels: None, release: None }]);
        let message = "Deployment/a/b dry-run failed (Invalid): spec.replicas: Invalid value";
        let verdict = kustomization(&ks("False", "ReconciliationFailed", message));
        assert_eq!(verdict.next.as_deref(), Some("flux diff kustomization apps -n flux-system --path ./apps"));
        let message = "accumulating resources: open /tmp/kustomization-388/apps/x.yaml: no such file or directory";
        let verdict = kustomization(&ks("False", "BuildFailed", message));
        assert_eq!(verdict.said, "its files do not build: accumulating resources: open ./apps/x.yaml: no such file or directory");
    }

    #[test]
    fn one_that_still_waits_leads_to_what_it_applied() {
        let mut object = ks("Unknown", "Progressing", "Reconciliation in progress");
        object["spec"]["wait"] = json!(true);
        object["status"]["inventory"]["entries"] = json!([
            {"id": "longhorn-system_longhorn_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"},
            {"id": "_system__x_rbac.authorization.k8s.io_ClusterRole", "v": "v1"},
        ]);
        let verdict = kustomization(&object);
        let source = Reference::new("GitRepository", "flux-system", "flux-system");
        assert_eq!(verdict.behind, [source, Reference::new("HelmRelease", "longhorn-system", "longhorn")].map(Behind::Object));
        object["spec"]["healthChecks"] = json!([{"kind": "Deployment", "namespace": "a", "name": "b"}]);
        assert!(kustomization(&object).behind.contains(&Behind::Object(Reference::new("Deployment", "a", "b"))));
        object["metadata"]["generation"] = json!(2);
        assert_eq!(kustomization(&object).behind, [Behind::Controller("kustomize-controller")]);
        object["spec"]["suspend"] = json!(true);
        assert_eq!(kustomization(&object).next.as_deref(), Some("flux resume kustomization apps -n flux-system"));
    }

    #[test]
    fn a_release_leads_to_its_pods() {
        let installed = "Helm install failed for release longhorn-system/longhorn with chart longhorn@1.9.1: context deadline exceeded";
        let object = json!({"kind": "HelmRelease", "metadata": {"name": "longhorn", "namespace": "longhorn-system", "generation": 1},
            "spec": {"chart": {"spec": {"chart": "longhorn"}}},
            "status": {"observedGeneration": 1, "conditions": [
                {"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "Failed to install after 1 attempt(s)"},
                {"type": "Ready", "status": "False", "reason": "InstallFailed", "message": installed}]}});
        let verdict = helm_release(&object);
        assert_eq!(verdict.said, "install retries exhausted");
        let pods = Behind::Pods { namespace: "longhorn-system".into(), labels: None, release: Some("longhorn".into()) };
        assert_eq!(verdict.behind, [pods]);
    }

    #[test]
    fn a_release_without_a_chart_leads_to_it() {
        let object = json!({"kind": "HelmRelease", "metadata": {"name": "longhorn", "namespace": "longhorn-system", "generation": 1},
            "spec": {"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "longhorn", "namespace": "flux-system"}}}},
            "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "False", "reason": "SourceNotReady",
                "message": "HelmChart 'flux-system/longhorn-system-longhorn' is not ready: no chart"}]}});
        let chart = Reference::new("HelmChart", "flux-system", "longhorn-system-longhorn");
        assert_eq!(helm_release(&object).behind, [Behind::Object(chart)]);
    }
}
