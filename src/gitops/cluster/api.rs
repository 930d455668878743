//! Requests to Kubernetes, on plain paths, of plain JSON.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::header::{ACCEPT, CONTENT_TYPE, DATE};
use hyper::http::response::Parts;
use hyper::{Method, Request};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Value;

use super::paths::Kinds;
use super::refused::{ApiError, Why};

/// Who owns the fields that we apply: the Flux CLI's own name, so that a cluster that it bootstrapped does not get a second owner.
pub const MANAGER: &str = "flux";
/// How long an answer may take. The API server itself gives up after 60 s.
const ANSWER: Duration = Duration::from_secs(65);
/// How many objects a list gives at a time.
const PAGE: usize = 500;
/// How often a list is begun anew that went out of date while it was read.
const LISTS: usize = 3;
/// How often a request is sent that a busy API server did not look at.
const ATTEMPTS: usize = 4;

/// The object at a path; none where Kubernetes says that there is none, or no such kind.
///
/// # Errors
///
/// Where it did not answer, or said no.
pub async fn get(client: &kube::Client, path: &str) -> Result<Option<Value>, ApiError> {
    match send(client, Method::GET, path, "", None).await {
        Err(error) if error.is_absent() => Ok(None),
        answer => answer.map(Some),
    }
}

/// What a path answers, and when by the API server's own clock, if it says so.
///
/// # Errors
///
/// Where it did not answer, or said no.
pub async fn get_dated(client: &kube::Client, path: &str) -> Result<(Value, Option<Timestamp>), ApiError> {
    let (answer, head) = exchange(client, Method::GET, path, "", None).await?;
    let date = head.headers.get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map(|date| date.timestamp());
    Ok((answer, date))
}

/// All objects at a path, which may end in selectors (`?labelSelector=…`), each with its `apiVersion` and `kind`, which lists leave out.
///
/// A kind that the cluster does not have is an error (404): an empty list would say that there are none of it.
///
/// # Errors
///
/// Where it did not answer, or said no.
pub async fn list(client: &kube::Client, path: &str) -> Result<Vec<Value>, ApiError> {
    let (mut found, mut from, mut anew) = (Vec::new(), String::new(), 0);
    loop {
        let mut page = format!("{path}{}limit={PAGE}", if path.contains('?') { '&' } else { '?' });
        if !from.is_empty() {
            page = format!("{page}&continue={}", escaped(&from));
        }
        match send(client, Method::GET, &page, "", None).await {
            Ok(mut list) => {
                from = list.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
                found.extend(items(&mut list));
                if from.is_empty() {
                    return Ok(found);
                }
            }
            // what is left of the list is too old by now
            Err(ApiError { why: Why::Kubernetes { status: 410, .. }, .. }) if !from.is_empty() && anew < LISTS => {
                (found, from, anew) = (Vec::new(), String::new(), anew + 1);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Server-side apply of an object, whose kind stands in the table or is asked for; see [`apply_at`].
///
/// # Errors
///
/// Where the cluster has no such kind, did not answer, or said no.
pub async fn apply(client: &kube::Client, object: &Value, dry_run: bool) -> Result<Value, ApiError> {
    let path = Kinds::new().path_of(client, object).await?;
    apply_at(client, &path, object, dry_run).await
}

/// Server-side apply at a path, as [`MANAGER`], taking over fields of others as the Flux CLI does. With `dry_run` nothing is kept, and the
/// answer is what would be.
///
/// Unknown fields are not refused: Flux itself takes them (`fieldValidation=Warn`), and what it would take must not stop us.
///
/// # Errors
///
/// Where it did not answer, or said no.
pub async fn apply_at(client: &kube::Client, path: &str, object: &Value, dry_run: bool) -> Result<Value, ApiError> {
    let dry = if dry_run { "&dryRun=All" } else { "" };
    let path = format!("{path}?fieldManager={MANAGER}&force=true&fieldValidation=Warn{dry}");
    send(client, Method::PATCH, &path, "application/apply-patch+yaml", Some(object)).await
}

/// A merge patch (RFC 7386) of the object at a path.
///
/// # Errors
///
/// Where it did not answer, or said no; 404 where there is no such object.
pub async fn merge(client: &kube::Client, path: &str, patch: &Value) -> Result<Value, ApiError> {
    send(client, Method::PATCH, &with_manager(path), "application/merge-patch+json", Some(patch)).await
}

/// The object at a path written whole; with its `resourceVersion`, only if nobody has written it since (409).
///
/// # Errors
///
/// Where it did not answer, or said no.
pub async fn put(client: &kube::Client, path: &str, object: &Value) -> Result<Value, ApiError> {
    send(client, Method::PUT, &with_manager(path), "application/json", Some(object)).await
}

/// An object made, or a question asked that is an object (SelfSubjectAccessReview).
///
/// # Errors
///
/// Where it did not answer, or said no; 409 where there is one of that name.
pub async fn post(client: &kube::Client, path: &str, object: &Value) -> Result<Value, ApiError> {
    send(client, Method::POST, &with_manager(path), "application/json", Some(object)).await
}

/// The object at a path removed; `false` where there was none.
///
/// # Errors
///
/// Where it did not answer, or said no.
pub async fn delete(client: &kube::Client, path: &str) -> Result<bool, ApiError> {
    match send(client, Method::DELETE, path, "", None).await {
        Err(error) if error.is_absent() => Ok(false),
        answer => answer.map(|_| true),
    }
}

fn with_manager(path: &str) -> String {
    format!("{path}{}fieldManager={MANAGER}", if path.contains('?') { '&' } else { '?' })
}

/// What stands in a query as it is.
pub fn escaped(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn items(list: &mut Value) -> Vec<Value> {
    let version = list.get("apiVersion").cloned().unwrap_or_default();
    let kind = list.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List")).map(Value::from).unwrap_or_default();
    let Some(Value::Array(mut items)) = list.get_mut("items").map(Value::take) else { return Vec::new() };
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        item.entry("apiVersion").or_insert_with(|| version.clone());
        item.entry("kind").or_insert_with(|| kind.clone());
    }
    items
}

async fn send(client: &kube::Client, method: Method, path: &str, kind: &str, body: Option<&Value>) -> Result<Value, ApiError> {
    exchange(client, method, path, kind, body).await.map(|(answer, _)| answer)
}

/// One request, and its answer if that is a success. An API server that is too busy to look at it (429) is asked again.
async fn exchange(client: &kube::Client, method: Method, path: &str, kind: &str, body: Option<&Value>) -> Result<(Value, Parts), ApiError> {
    let names = ["GET", "PATCH", "PUT", "POST", "DELETE"];
    let failed = |why: Why| ApiError {
        method: names.into_iter().find(|name| *name == method.as_str()).unwrap_or("GET"),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        why,
    };
    let not_understood = |cause: &dyn std::error::Error| failed(Why::Answer { said: cause.to_string() });
    let bytes = body.map(serde_json::to_vec).transpose().map_err(|cause| not_understood(&cause))?.unwrap_or_default();
    for attempt in 1.. {
        let mut request = Request::builder().method(method.clone()).uri(path).header(ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(bytes.clone())).map_err(|cause| not_understood(&cause))?;
        let exchange = async {
            let answer = client.send(request).await?;
            let (head, body) = answer.into_parts();
            Ok::<_, kube::Error>((head, body.collect().await?.to_bytes()))
        };
        let Ok(exchange) = tokio::time::timeout(ANSWER, exchange).await else { return Err(failed(Why::Slow { after: ANSWER })) };
        let (head, body) = exchange.map_err(|error| failed(Why::of_error(&error)))?;
        if head.status.is_success() {
            return serde_json::from_slice(&body).map(|answer| (answer, head)).map_err(|cause| not_understood(&cause));
        }
        let after = head.headers.get("retry-after").and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<u64>().ok());
        match after {
            Some(after @ ..=10) if head.status.as_u16() == 429 && attempt < ATTEMPTS => {
                tokio::time::sleep(Duration::from_secs(after)).await
            }
            _ => return Err(failed(Why::of_answer(head.status.as_u16(), &body))),
        }
    }
    Err(failed(Why::Slow { after: ANSWER }))
}

/// A cluster of the tests: a function from method, path with query, and body to status and answer; and what was asked.
#[cfg(test)]
pub(crate) fn fake<F>(answer: F) -> (kube::Client, std::sync::Arc<std::sync::Mutex<Vec<String>>>)
where
    F: Fn(&str, &str, &Value) -> (u16, Value) + Send + Sync + 'static,
{
    use std::sync::{Arc, Mutex};
    type Answered = std::pin::Pin<Box<dyn Future<Output = Result<hyper::Response<Body>, kube::Error>> + Send>>;

    struct Fake<F>(Arc<F>, Arc<Mutex<Vec<String>>>);
    impl<F: Fn(&str, &str, &Value) -> (u16, Value) + Send + Sync + 'static> tower_service::Service<Request<Body>> for Fake<F> {
        type Response = hyper::Response<Body>;
        type Error = kube::Error;
        type Future = Answered;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let (answer, log) = (self.0.clone(), self.1.clone());
            Box::pin(async move {
                let (head, body) = request.into_parts();
                let body = serde_json::from_slice(&body.collect().await?.to_bytes()).unwrap_or_default();
                let path = head.uri.path_and_query().unwrap().as_str();
                log.lock().unwrap().push(format!("{} {path}", head.method));
                let (status, answer) = answer(head.method.as_str(), path, &body);
                let response =
                    hyper::Response::builder().status(status).header("retry-after", "0").header("date", "Thu, 01 Jan 2026 00:00:00 GMT");
                Ok(response.body(Body::from(serde_json::to_vec(&answer).unwrap())).unwrap())
            })
        }
    }

    let log = Arc::default();
    (kube::Client::new(Fake(Arc::new(answer), Arc::clone(&log)), "default"), log)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_list_is_read_page_by_page_and_begun_anew_when_it_is_too_old() {
        let gone = AtomicUsize::new(0);
        let (client, log) = fake(move |_, path, _| {
            let list = |names: &[&str], from: &str| {
                let items: Vec<_> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
                json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": from}, "items": items})
            };
            match path {
                "/api/v1/pods?limit=500" => (200, list(&["a", "b"], "x=/")),
                "/api/v1/pods?limit=500&continue=x%3D%2F" if gone.fetch_add(1, Ordering::SeqCst) == 0 => {
                    (410, json!({"reason": "Expired"}))
                }
                "/api/v1/pods?limit=500&continue=x%3D%2F" => (200, list(&["c"], "")),
                _ => (404, json!({})),
            }
        });
        let pods = list(&client, "/api/v1/pods").await.unwrap();
        let names: Vec<_> = pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!((&pods[2]["kind"], &pods[2]["apiVersion"]), (&json!("Pod"), &json!("v1")));
        assert_eq!(log.lock().unwrap().len(), 4);
        assert!(list(&client, "/apis/none/v1/things").await.unwrap_err().is_absent());
    }

    #[tokio::test]
    async fn what_is_applied_is_applied_as_flux_does() {
        let (client, log) = fake(|_, _, body| (200, body.clone()));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
        assert_eq!(apply(&client, &object, false).await.unwrap(), object);
        apply(&client, &object, true).await.unwrap();
        merge(&client, "/api/v1/namespaces/x", &json!({})).await.unwrap();
        let applied = "PATCH /api/v1/namespaces/flux-system?fieldManager=flux&force=true&fieldValidation=Warn";
        let log = log.lock().unwrap();
        assert_eq!(log[0], applied);
        assert_eq!(log[1], format!("{applied}&dryRun=All"));
        assert_eq!(log[2], "PATCH /api/v1/namespaces/x?fieldManager=flux");
    }

    #[tokio::test]
    async fn absent_is_an_answer_and_forbidden_is_none() {
        let (client, _) = fake(|_, path, _| match path {
            "/absent" => (404, json!({"reason": "NotFound", "message": "no"})),
            _ => (403, json!({"reason": "Forbidden", "message": "User \"x\" cannot"})),
        });
        assert_eq!(get(&client, "/absent").await, Ok(None));
        assert_eq!(delete(&client, "/absent").await, Ok(false));
        let error = get(&client, "/api/v1/nodes/a?x=y").await.unwrap_err();
        assert_eq!(error.to_string(), "GET /api/v1/nodes/a: User \"x\" cannot (403, Forbidden)");
    }

    #[tokio::test]
    async fn a_busy_server_is_asked_again() {
        let asked = AtomicUsize::new(0);
        let (client, log) = fake(move |_, path, _| match (path, asked.fetch_add(1, Ordering::SeqCst)) {
            ("/busy", _) | (_, 0) => (429, json!({"message": "too many requests"})),
            _ => (200, json!({"ok": true})),
        });
        assert_eq!(get(&client, "/x").await.unwrap(), Some(json!({"ok": true})));
        assert!(get(&client, "/busy").await.unwrap_err().is_passing());
        assert_eq!(log.lock().unwrap().len(), 2 + ATTEMPTS);
    }
}
