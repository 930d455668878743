//! What modules that speak HTTP have in common: module_utils/urls.py.

use serde_json::Value;

use super::Task;
use super::outcome::Ended;
use super::paths::path;
use super::spec::{Kind, Opt};
use crate::node::facts::Stat;
use crate::node::steps::{Asker, Certificates, Http};
use crate::plan::{Facts, Plan, Refusal, Stop};

pub(super) const FORCE: Opt = Opt::new("force", Kind::Bool).about("Fetches even what is there already").default("false");
pub(super) const HTTP_AGENT: Opt = Opt::new("http_agent", Kind::Str).about("How the request names its program").default("ansible-httpget");
pub(super) const USE_PROXY: Opt =
    Opt::new("use_proxy", Kind::Bool).about("Whether the proxy that variables of the environment name is used").default("true");
pub(super) const VALIDATE_CERTS: Opt =
    Opt::new("validate_certs", Kind::Bool).about("Whether the server's certificate must be good").default("true");
pub(super) const FORCE_BASIC_AUTH: Opt =
    Opt::new("force_basic_auth", Kind::Bool).about("Sends name and password with the first request, unasked").default("false");
pub(super) const CLIENT_CERT: Opt = Opt::new("client_cert", Kind::Path).about("A file on the machine with the certificate to show");
pub(super) const CLIENT_KEY: Opt = Opt::new("client_key", Kind::Path).about("A file on the machine with that certificate's key");
pub(super) const USE_GSSAPI: Opt = Opt::new("use_gssapi", Kind::Bool).about("Kerberos; refused").default("false");
pub(super) const UNREDIRECTED_HEADERS: Opt =
    Opt::new("unredirected_headers", Kind::List(&Kind::Str)).about("Headers that are left out where the request is sent on");
pub(super) const DECOMPRESS: Opt = Opt::new("decompress", Kind::Bool).about("Whether an answer that is packed is unpacked").default("true");
pub(super) const CIPHERS: Opt = Opt::new("ciphers", Kind::List(&Kind::Str)).about("The ciphers of TLS that may be used");
pub(super) const USE_NETRC: Opt =
    Opt::new("use_netrc", Kind::Bool).about("Whether name and password may come from ~/.netrc").default("true");

/// A request as the options have it, without a body.
///
/// # Errors
/// Ansible's `msg`, options that we do not carry out, and what has to be read first.
pub(super) fn request(task: &Task<'_>, facts: &Facts<'_>, method: &str) -> Result<Http, Ended> {
    request_to(task.args.str("url").unwrap_or_default(), task, facts, method)
}

/// The same to another address than `url`.
///
/// # Errors
/// As above.
pub(super) fn request_to(url: &str, task: &Task<'_>, facts: &Facts<'_>, method: &str) -> Result<Http, Ended> {
    let args = task.args;
    if args.is("use_gssapi") {
        return Err("`use_gssapi` is not carried out here".into());
    }
    if url.split_once(':').is_none_or(|(scheme, _)| scheme.is_empty() || scheme.contains('/')) {
        return Err(format!("unknown url type: '{url}'").into());
    }
    let text = |name: &str| args.str(name).map(str::to_owned);
    let list = |name: &str| args.list(name).unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let file = |name: &str| args.str(name).filter(|path| !path.is_empty()).map(|text| path(text, task, facts)).transpose();
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in args.dict("headers").into_iter().flatten() {
        headers.push((name.clone(), shown(value)));
    }
    let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if !has(&headers, "user-agent")
        && let Some(agent) = args.str("http_agent").filter(|agent| !agent.is_empty())
    {
        headers.push(("User-Agent".into(), agent.to_owned()));
    }
    if args.is("force") {
        headers.push(("Cache-Control".into(), "no-cache".into()));
    }
    Ok(Http {
        url: url.to_owned(),
        method: method.to_owned(),
        headers,
        unredirected: list("unredirected_headers").iter().map(|name| name.to_lowercase()).collect(),
        body: None,
        timeout: args.int("timeout").and_then(|timeout| u32::try_from(timeout).ok()).unwrap_or(10),
        insecure: args.bool("validate_certs") == Some(false),
        follow: true,
        user: args
            .str("url_username")
            .filter(|user| !user.is_empty())
            .map(|user| (user.to_owned(), text("url_password").unwrap_or_default())),
        certificates: Certificates { authorities: file("ca_path")?, own: file("client_cert")?, key: file("client_key")? },
        unix_socket: file("unix_socket")?,
        no_proxy: args.bool("use_proxy") == Some(false),
        netrc: args.bool("use_netrc").unwrap_or(true),
        decompress: args.bool("decompress").unwrap_or(true),
        ciphers: list("ciphers"),
        asker: Asker::Program,
    })
}

/// A value as Python's `str()` has it, as far as headers and forms need it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        other => other.to_string(),
    }
}

/// Decides who asks: a program of the machine's, or the controller where it has none. A refusal where that cannot do it either,
/// or cannot ask `other` after it.
///
/// # Errors
/// What has to be read first.
pub(super) fn asker<S>(http: &mut Http, other: Option<&str>, facts: &Facts<'_>) -> Result<Option<Plan<S>>, Stop> {
    let paths = ["/usr/bin/curl", "/usr/bin/wget", "/usr/local/bin/curl", "/usr/local/bin/wget", "/bin/wget"];
    let there = facts.get(paths.map(Stat::followed).to_vec())?;
    if there.iter().any(Option::is_some) {
        return Ok(None);
    }
    let is_web = |url: &str| url.split_once("://").is_some_and(|(scheme, _)| matches!(scheme.to_lowercase().as_str(), "http" | "https"));
    let is_web = is_web(&http.url) && other.is_none_or(is_web);
    let what = match (&http.unix_socket, http.ciphers.is_empty(), is_web) {
        (None, true, true) => {
            http.asker = Asker::Controller;
            return Ok(None);
        }
        (Some(_), ..) => "a socket",
        (None, false, _) => "`ciphers`",
        (None, true, false) => "such an address",
    };
    let why = format!("there is neither curl nor wget on the machine, and {what} needs one of them");
    Ok(Some(Plan::Refuse(Refusal { why, hint: Some("install the package curl before this task".into()) })))
}

/// The last part of an address's path: the name of what is there.
pub(super) fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    match path.rsplit('/').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => "index.html".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_addresses() {
        for (url, wanted) in
            [("http://a/b/c.tar.gz?x=/y", "c.tar.gz"), ("http://a", "index.html"), ("http://a/b/", "index.html"), ("file:///x/y", "y")]
        {
            assert_eq!(file_name(url), wanted, "{url}");
        }
    }
}
