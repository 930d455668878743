//! `uri`: asks a server.

mod body;

use serde_json::{Map, Value};

use super::attributes::{Attributes, as_chmod_takes_it, no_flags, path_info, selinux_is_asked_for, with_file_options};
use super::http::{self, request};
use super::outcome::{Ended, decided, planned};
use super::spec::{Kind, Opt, Spec};
use super::{Act, Args, Decision, Module, Task, paths};
use crate::node::apply::Carried;
use crate::node::facts::Stat;
use crate::node::record::to_text;
use crate::node::steps::{Answer, Http, Request, Save, Step};
use crate::node::web::masked;
use crate::plan::{Difference, Facts, Plan, Stop};

/// Asks a server something and looks at its answer.
pub struct Uri;

static SPEC: Spec = Spec {
    exclusive: &[&["body", "src"]],
    options: with_file_options![
        Opt::new("url", Kind::Str).about("The address").required(),
        http::FORCE,
        http::HTTP_AGENT,
        http::USE_PROXY,
        http::VALIDATE_CERTS,
        Opt::new("url_username", Kind::Str).about("The name to log in with").aliases(&["user"]),
        Opt::new("url_password", Kind::Str).about("The password for it").aliases(&["password"]).secret(),
        http::FORCE_BASIC_AUTH,
        http::CLIENT_CERT,
        http::CLIENT_KEY,
        http::USE_GSSAPI,
        Opt::new("dest", Kind::Path).about("A file or directory for the answer"),
        Opt::new("body", Kind::Raw).about("What is sent"),
        Opt::new("body_format", Kind::Str).about("How that is written").default("raw").choices(&[
            "form-urlencoded",
            "json",
            "raw",
            "form-multipart"
        ]),
        Opt::new("src", Kind::Path).about("A file that is sent"),
        Opt::new("method", Kind::Str).about("GET, POST, PUT or another in capitals").default("GET"),
        Opt::new("return_content", Kind::Bool).about("Registers the answer's text as `content`").default("false"),
        Opt::new("follow_redirects", Kind::Str)
            .about("Which answers that send it on are followed")
            .default("safe")
            .choices(&["all", "no", "none", "safe", "urllib2", "yes"]),
        Opt::new("creates", Kind::Path).about("A path on the machine; if it is there, nothing is done"),
        Opt::new("removes", Kind::Path).about("A path on the machine; if it is not there, nothing is done"),
        Opt::new("status_code", Kind::List(&Kind::Int)).about("The answers that are good").default("200"),
        Opt::new("timeout", Kind::Int).about("How long an answer is waited for, in seconds").default("30"),
        Opt::new("headers", Kind::Dict).about("More headers of the request"),
        Opt::new("unix_socket", Kind::Path).about("A socket on the machine that is asked in place of the network"),
        Opt::new("remote_src", Kind::Bool).about("Whether `src` is on the machine already").default("false"),
        Opt::new("ca_path", Kind::Path).about("A file on the machine with the authorities that are trusted"),
        http::UNREDIRECTED_HEADERS,
        http::DECOMPRESS,
        http::CIPHERS,
        http::USE_NETRC,
    ],
    about: "Asks a web server something, and looks at its answer",
    notes: &[
        "Name and password are not said to another server that the request is sent on to",
        "A machine without curl and wget asks through its SSH server",
    ],
    example: "- name: it answers\n  ansible.builtin.uri:\n    url: http://127.0.0.1:9100/metrics\n  register: answer\n  until: answer.status == 200\n  retries: 5\n",
    ..Spec::new("ansible.builtin", "uri")
};

impl Module for Uri {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        match plan(task, facts) {
            Err(Ended::Fail(why)) => {
                let url = task.args.str("url").unwrap_or_default();
                Ok(Decision::fail(why).with("url", masked(url)).with("status", -1))
            }
            outcome => decided(outcome),
        }
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(output) = carried.and_then(|carried| carried.outputs.first()) else { return Ok(Map::new()) };
        Ok(match Answer::read(&output.stdout) {
            Some(answer) => {
                let mut result = registered(task, &answer);
                if let Some(path) = &answer.path {
                    result.extend(path_info(path, facts)?);
                    result.insert("path".into(), path.clone().into());
                }
                result
            }
            None => {
                let message = format!("the answer cannot be read: {}", to_text(&output.stderr).trim());
                [("failed".to_owned(), true.into()), ("status".to_owned(), (-1).into()), ("msg".to_owned(), message.into())]
                    .into_iter()
                    .collect()
            }
        })
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        matches!(task.args.str("method").map(str::to_uppercase).as_deref(), None | Some("GET" | "HEAD" | "OPTIONS"))
            && task.args.get("dest").is_none()
            && task.args.get("body").is_none()
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    for (name, skips_if) in [("creates", true), ("removes", false)] {
        if let Some(path) = args.str(name) {
            let path = paths::path(path, task, facts)?;
            if facts.get(Stat::followed(&path))?.is_some() == skips_if {
                let how = if skips_if { "exists" } else { "does not exist" };
                return Ok(Decision::unchanged().with("stdout", format!("skipped, since '{path}' {how}")));
            }
        }
    }
    if let Some(why) = selinux_is_asked_for(args, facts)? {
        return Err(why.into());
    }
    let mut http = asked(task, facts)?;
    let save = match args.str("dest").filter(|dest| !dest.is_empty()) {
        Some(dest) => {
            // checks the mode and the names
            no_flags(args, "an answer")?;
            let attributes = Attributes::read(args)?;
            attributes.resolve(facts.get(attributes.ask())?)?;
            let (owner, group, mode) = (attributes.owner.clone(), attributes.group.clone(), as_chmod_takes_it(args)?);
            Some(Save { path: paths::path(dest, task, facts)?, statuses: statuses(args), owner, group, mode })
        }
        None => None,
    };
    if let Some(refusal) = http::asker(&mut http, None, facts)? {
        return Ok(Decision { act: Act::Plan(refusal), ..Decision::unchanged() });
    }
    let what = format!("{} {}", http.method, masked(&http.url));
    let mut change = Plan::change([Step::from(Request { http: Box::new(http), whole: args.is("return_content"), save })]);
    change.diff.push(Difference { what: "ask".into(), before: None, after: Some(what) });
    Ok(planned(change))
}

/// The statuses that are no failure.
fn statuses(args: &Args) -> Vec<i64> {
    match args.get("status_code").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(Value::as_i64).collect(),
        None => vec![200],
    }
}

fn asked(task: &Task<'_>, facts: &Facts<'_>) -> Result<Http, Ended> {
    let args = task.args;
    let method = args.str("method").unwrap_or("GET").to_uppercase();
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err("Parameter 'method' needs to be a single word in uppercase, like GET or POST.".into());
    }
    let mut http = request(task, facts, &method)?;
    http.follow = match args.str("follow_redirects").unwrap_or("safe") {
        "all" | "yes" => true,
        "no" | "none" => false,
        // where it would not send what was sent again
        "safe" => matches!(method.as_str(), "GET" | "HEAD"),
        _ => matches!(method.as_str(), "GET" | "HEAD" | "POST"),
    };
    let (body, kind) = body::body(task, facts)?;
    http.body = body;
    let is_kind = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
    if args.str("body_format") == Some("form-multipart") && kind.is_some() {
        http.headers.retain(|header| !is_kind(header));
    }
    if !http.headers.iter().any(is_kind) {
        // as Python's urllib says it of a body without a kind
        let usual = || http.body.as_ref().map(|_| "application/x-www-form-urlencoded".to_owned());
        http.headers.extend(kind.or_else(usual).map(|kind| ("Content-Type".to_owned(), kind)));
    }
    Ok(http)
}

fn registered(task: &Task<'_>, answer: &Answer) -> Map<String, Value> {
    let mut result = Map::new();
    for (name, value) in &answer.headers {
        let name = name.replace('-', "_");
        let value = match result.get(&name).and_then(Value::as_str) {
            // what comes several times
            Some(before) if answer.status < 300 => format!("{before}, {value}"),
            _ => value.clone(),
        };
        result.insert(name, value.into());
    }
    let url = task.args.str("url").unwrap_or_default();
    if let Some(place) = result.get("location").and_then(Value::as_str) {
        let whole = joined(&answer.url, place);
        result.insert("location".into(), whole.into());
    }
    result.insert("redirected".into(), (answer.url.trim_end_matches('/') != url.trim_end_matches('/')).into());
    // an address without a path stays without one
    let shown_url = if answer.url.strip_suffix('/') == Some(url) { url } else { &answer.url };
    result.insert("url".into(), masked(shown_url).into());
    result.insert("status".into(), answer.status.into());
    result.insert("changed".into(), answer.saved.into());
    // how long it took is nobody's to rely on
    result.insert("elapsed".into(), 0.into());
    let header = |name: &str| answer.headers.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let kind = header("content-type").unwrap_or_default();
    let sub_kind = kind.split(';').next().unwrap_or_default().trim().rsplit('/').next().unwrap_or_default().to_lowercase();
    let is_json = matches!(sub_kind.rsplit('+').next().unwrap_or_default(), "json" | "javascript");
    let text = to_text(&answer.body);
    let is_good = (200..300).contains(&answer.status);
    let wanted = statuses(task.args);
    let is_wanted = wanted.contains(&i64::from(answer.status));
    if is_good {
        let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie").filter_map(|(_, value)| {
            let (name, value) = value.split(';').next()?.split_once('=')?;
            Some((name.trim().to_owned(), Value::from(value.trim())))
        });
        result.insert("cookies".into(), Value::Object(cookies.collect()));
    } else if answer.status > 0 && is_wanted && !is_json && !task.args.is("return_content") {
        result.insert("body".into(), text.clone().into());
    }
    if is_json
        && answer.status > 0
        && let Ok(value) = serde_json::from_str(&text)
    {
        result.insert("json".into(), value);
    }
    if task.args.is("return_content") {
        result.insert("content".into(), if answer.status > 0 { text.into() } else { "".into() });
    }
    let said = match answer.status {
        -1 => format!("Request failed: {}", to_text(&answer.body).trim()),
        _ if is_good => format!("OK ({} bytes)", header("content-length").unwrap_or("unknown")),
        status => format!("HTTP Error {status}: {}", answer.reason),
    };
    if is_wanted {
        result.insert("msg".into(), said.into());
    } else {
        let wanted: Vec<String> = wanted.iter().map(i64::to_string).collect();
        result.insert("failed".into(), true.into());
        result.insert("msg".into(), format!("Status code was {} and not [{}]: {said}", answer.status, wanted.join(", ")).into());
    }
    result
}

/// An address that is relative to another: Python's `urljoin`, as far as servers write them.
fn joined(base: &str, place: &str) -> String {
    if place.contains("://") {
        return place.to_owned();
    }
    let Some((scheme, rest)) = base.split_once("://") else { return place.to_owned() };
    if let Some(place) = place.strip_prefix("//") {
        return format!("{scheme}://{place}");
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if place.starts_with('/') {
        return format!("{scheme}://{host}{place}");
    }
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    format!("{scheme}://{host}{above}/{place}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Files, Seen};
    use crate::node::simulated::World;
    use crate::node::steps::Body;

    fn bench() -> Bench {
        let mut world = World::new(1);
        world.add_account("pat", 1000);
        world.add_directory("/usr/bin", 0o755);
        world.add_file("/usr/bin/curl", b"", 0o755);
        world.add_file("/srv/there", b"x", 0o644);
        Bench::new(world)
    }

    fn request_of(args: &Value) -> Request {
        let mut bench = bench();
        bench.outside = Files([Files::file("body.bin", b"\x00\x01", 0o644)].into());
        match bench.run(&Uri, args) {
            Seen::Changed(_, change, _) => match change.steps.as_slice() {
                [Step::Request(request)] => request.clone(),
                steps => panic!("{steps:?}"),
            },
            seen => panic!("{args}: {seen:?}"),
        }
    }

    #[test]
    fn what_is_asked_is_data() {
        let url = "http://server/a";
        let request = request_of(&json!({
            "url": url, "dest": "/srv/to", "mode": "0600", "owner": "pat", "status_code": [200, 201], "method": "post",
            "body": {"a": 1}, "body_format": "json", "ciphers": ["ECDHE", "!aNULL"], "unredirected_headers": ["X-A"], "ca_path": "/srv/../srv/there",
        }));
        let save =
            Save { path: "/srv/to".into(), statuses: vec![200, 201], owner: Some("pat".into()), group: None, mode: Some("0600".into()) };
        assert_eq!(request.save, Some(save));
        assert_eq!((request.http.method.as_str(), request.http.follow, request.whole), ("POST", false, false));
        assert!(matches!(&request.http.body, Some(Body::Bytes(body)) if body == b"{\"a\": 1}"));
        assert!(request.http.headers.contains(&("Content-Type".into(), "application/json".into())));
        assert_eq!((request.http.ciphers.join(":").as_str(), request.http.unredirected.join("")), ("ECDHE:!aNULL", "x-a".into()));
        assert_eq!(request.http.certificates.authorities.as_deref(), Some("/srv/there"));
        let remote = request_of(&json!({"url": url, "src": "/srv/there", "remote_src": true, "method": "PUT"}));
        assert!(matches!(remote.http.body, Some(Body::File(path)) if path == "/srv/there"));
        let multipart = request_of(&json!({
            "url": url, "method": "POST", "body_format": "form-multipart", "headers": {"content-type": "text/x"},
            "body": {"a": "b", "f": {"filename": "body.bin"}},
        }));
        let kinds: Vec<_> = multipart.http.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).collect();
        assert!(kinds.len() == 1 && kinds[0].1.starts_with("multipart/form-data; boundary="), "{kinds:?}");
    }

    #[test]
    fn what_cannot_be_asked_fails() {
        for (args, why) in [
            (json!({"url": "no-url"}), "unknown url type: 'no-url'"),
            (json!({"url": "http://a", "method": "GET IT"}), "single word"),
            (json!({"url": "http://a", "use_gssapi": true}), "not carried out"),
            (json!({"url": "http://a", "body_format": "form-multipart", "body": "x"}), "must be mapping"),
            (json!({"url": "http://a", "body_format": "form-multipart", "body": {"a": {}}}), "filename or content"),
            (json!({"url": "http://a", "dest": "/srv/x", "owner": "nobody-there"}), "failed to look up user"),
        ] {
            match bench().run(&Uri, &args) {
                Seen::Failed(said) => assert!(said.contains(why), "{args}: {said}"),
                seen => panic!("{args}: {seen:?}"),
            }
        }
    }

    #[test]
    fn what_is_registered_of_an_answer() {
        let task = json!({"url": "http://a/b/c", "follow_redirects": "none", "status_code": [302]});
        let stdout = b"302 54 2 http://a/b/c\n\nHTTP/1.1 302 Found\r\nLocation: d\r\nContent-Type: x/y\r\n\r\n--".to_vec();
        let output = crate::node::apply::Output { status: 0, stdout, stderr: Vec::new(), cut: false };
        let carried = Carried { outputs: vec![output], ..Carried::default() };
        let result = bench().result(&Uri, &task, Some(&carried));
        assert_eq!(
            (&result["msg"], &result["location"], &result["redirected"], &result["body"], result.contains_key("failed")),
            (&json!("HTTP Error 302: Found"), &json!("http://a/b/d"), &json!(false), &json!("--"), false)
        );
        assert_eq!((joined("http://a", "/x").as_str(), joined("http://a/b?c=/", "//d/e").as_str()), ("http://a/x", "http://d/e"));
    }
}
