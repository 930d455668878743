//! `get_url`: brings a file from a server.

use serde_json::{Map, Value};

use super::attributes::{
    Attributes, Owned, Wanted, born, look, maker, path_info, promise, selinux_is_asked_for, with_file_options, with_flags,
};
use super::http::{self, file_name, request};
use super::outcome::{Ended, decided, planned};
use super::paths::{above, join, path};
use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::node::apply::{Carried, Output};
use crate::node::facts::{Checksum, Digest, FileKind, FileStat, Sha256};
use crate::node::steps::{Fetch, Fetched, Step};
use crate::node::web::masked;
use crate::plan::{Expect, Facts, Plan, Reading, Stop, Touch};

/// Fetches a file, if it is not there already.
pub struct GetUrl;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("url", Kind::Str).about("Its address").required(),
        Opt::new("dest", Kind::Path).about("The file, or a directory that it goes into").required(),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("checksum", Kind::Str)
            .about("`sha256:DIGEST`, or the address of a file of digests; then nothing is fetched twice")
            .default("''"),
        Opt::new("timeout", Kind::Int).about("How long an answer is waited for, in seconds").default("10"),
        Opt::new("headers", Kind::Dict).about("More headers of the request"),
        Opt::new("tmp_dest", Kind::Path).about("The directory for the file while it comes"),
        http::UNREDIRECTED_HEADERS,
        http::DECOMPRESS,
        http::CIPHERS,
        http::USE_NETRC,
        http::FORCE,
        http::HTTP_AGENT,
        http::USE_PROXY,
        http::VALIDATE_CERTS,
        Opt::new("url_username", Kind::Str).about("The name to log in with").aliases(&["username"]),
        Opt::new("url_password", Kind::Str).about("The password for it").aliases(&["password"]).secret(),
        http::FORCE_BASIC_AUTH,
        http::CLIENT_CERT,
        http::CLIENT_KEY,
        http::USE_GSSAPI,
    ],
    about: "Fetches a file from a server",
    notes: &[
        "The machine's curl or wget fetches it; where there is neither, this program asks through the machine's SSH server, so that the request still leaves from there",
        "Without `checksum` and `force` a file that is there is fetched again only if the server says that its own is newer",
    ],
    example: "- name: a key\n  ansible.builtin.get_url:\n    url: https://example.org/key.asc\n    dest: /etc/apt/keyrings/example.asc\n    mode: '0644'\n",
    ..Spec::new("ansible.builtin", "get_url")
};

/// What a file must be.
#[derive(Debug, Clone, PartialEq)]
enum Sum {
    /// Nothing is said.
    None,
    /// An algorithm and the digest.
    Is(String, String),
    /// An algorithm and where the digest stands.
    At(String, String),
}

impl Module for GetUrl {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        match plan(task, facts) {
            Err(Ended::Fail(why)) => {
                let text = |name: &str| task.args.str(name).unwrap_or_default();
                Ok(Decision::fail(why).with("url", masked(text("url"))).with("dest", text("dest")))
            }
            outcome => decided(outcome),
        }
    }

    fn failed(&self, task: &Task<'_>, output: &Output) -> Map<String, Value> {
        failed(task.args.str("url").unwrap_or_default(), output)
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let mut result = Map::new();
        let dest = match place(task, facts) {
            Ok((dest, _)) => dest,
            Err(Ended::Stop(stop)) => return Err(stop),
            Err(Ended::Fail(_)) => return Ok(result),
        };
        result.extend(path_info(&dest, facts)?);
        // a change of owner or mode alone fetches nothing
        let output = carried.and_then(|carried| carried.outputs.first()).filter(|output| output.stdout.starts_with(b"status="));
        let Some(output) = output else { return Ok(result) };
        let fetched = Fetched::read(&output.stdout);
        let others = carried.is_some_and(|carried| carried.outputs.len() > 1);
        result.insert("changed".into(), (fetched.changed || others).into());
        result.insert("status_code".into(), fetched.status.map_or(Value::Null, Value::from));
        result.insert("checksum_src".into(), fetched.source.into());
        if fetched.changed
            && let Reading::Present(md5) = facts.reading(&Checksum::new(&dest, "md5"))?
        {
            result.insert("md5sum".into(), md5);
        }
        result.insert("checksum_dest".into(), fetched.before.into());
        result.insert("msg".into(), fetched.size.map_or_else(String::new, |size| format!("OK ({size} bytes)")).into());
        if let Some(backup) = fetched.backup {
            result.insert("backup_file".into(), backup.into());
        }
        Ok(result)
    }
}

/// What Ansible registers of a server that has no such file, or does not answer.
fn failed(url: &str, output: &Output) -> Map<String, Value> {
    let mut result = Map::from_iter([("url".to_owned(), Value::from(masked(url)))]);
    let fetched = Fetched::read(&output.stdout);
    if let Some(status) = fetched.status {
        result.insert("status_code".into(), status.into());
    }
    if let Some(source) = fetched.source {
        result.insert("checksum_src".into(), source.into());
    }
    result
}

/// Where the file is to be, and what is there.
fn place(task: &Task<'_>, facts: &Facts<'_>) -> Result<(String, Option<FileStat>), Ended> {
    let dest = path(task.args.str("dest").unwrap_or_default(), task, facts)?;
    match look(facts, &dest)? {
        Some(stat) if stat.kind == FileKind::Directory => {
            let dest = join(&dest, &file_name(task.args.str("url").unwrap_or_default()));
            let stat = look(facts, &dest)?;
            Ok((dest, stat))
        }
        stat => Ok((dest, stat)),
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    let url = args.str("url").unwrap_or_default();
    if let Some(why) = selinux_is_asked_for(args, facts)? {
        return Err(why.into());
    }
    let attributes = Attributes::read(args)?;
    let mut request = request(task, facts, "GET")?;
    let sum = sum(args.str("checksum").unwrap_or_default())?;
    let (dest, stat) = place(task, facts)?;
    let wanted = attributes.resolve(facts.get(attributes.ask())?)?;
    let with = |decision: Decision| decision.with("dest", dest.clone()).with("url", masked(url)).with("elapsed", 0);
    let force = args.is("force");
    if let Some(stat) = &stat {
        if stat.kind != FileKind::File {
            return Err(format!("{dest} is neither a file nor a directory").into());
        }
        if let Sum::Is(algorithm, digest) = &sum
            && !force
        {
            let here = facts.get(Checksum::new(&dest, algorithm))?;
            if here.is_some_and(|here| here.0 == *digest) {
                let mut change = Plan::change(Vec::<Step>::new());
                let differs = wanted.reach(&dest, stat, &mut change);
                let message = if differs { "file already exists but file attributes changed" } else { "file already exists" };
                return Ok(with(with_flags(planned(change), &dest, args, facts)?).with("msg", message));
            }
        }
    }
    let list = match &sum {
        Sum::At(_, list) => Some(list.as_str()),
        _ => None,
    };
    if let Some(refusal) = http::asker(&mut request, list, facts)? {
        return Ok(Decision { act: Act::Plan(refusal), ..Decision::unchanged() });
    }
    let directory = above(&dest).to_owned();
    let is_there = look(facts, &directory)?.filter(|stat| stat.kind == FileKind::Directory);
    let Some(directory_stat) = is_there else { return Err(format!("Destination {directory} does not exist").into()) };
    if task.check {
        let pending = Act::Pending("only a real run asks the server".to_owned(), vec![Touch::Files(dest.clone())]);
        return Ok(with(Decision { act: pending, ..Decision::unchanged() }));
    }
    let fetch = |owned: Owned| Fetch {
        request: Box::new(request.clone()),
        path: dest.clone(),
        only_newer: stat.is_some() && !force && sum == Sum::None,
        checksum: match &sum {
            Sum::None => None,
            Sum::Is(algorithm, digest) => Some((algorithm.clone(), digest.clone())),
            Sum::At(algorithm, _) => Some((algorithm.clone(), String::new())),
        },
        checksum_list: match &sum {
            Sum::At(_, list) => Some((Box::new(crate::node::steps::Http { url: list.clone(), ..request.clone() }), file_name(url))),
            _ => None,
        },
        backup: args.is("backup"),
        owner: owned.uid.to_string(),
        group: owned.gid.to_string(),
        mode: owned.mode,
    };
    let mut change = match &stat {
        // it keeps what it has, and gets what is asked for behind that
        Some(stat) => {
            let mut change = Plan::change([Step::from(fetch(Owned::from(stat)))]);
            wanted.reach(&dest, stat, &mut change);
            change.expect = change.expect.into_iter().map(|promise| promise.moves("size")).collect();
            change
        }
        None => {
            let owned = new_file(&wanted, facts, &directory_stat)?;
            Plan::change([Step::from(fetch(owned))]).expect(promise(&dest, FileKind::File, owned))
        }
    };
    if let Sum::Is(algorithm, digest) = &sum
        && algorithm == "sha256"
    {
        change = change.expect(Expect::is(&Digest::new(&dest), &Sha256(digest.clone())));
    }
    let before = stat.as_ref().map(|_| "another or an older file".to_owned());
    change = change.differs(dest.clone(), before, Some(masked(url)));
    Ok(with(with_flags(planned(change), &dest, args, facts)?))
}

fn new_file(wanted: &Wanted, facts: &Facts<'_>, above: &FileStat) -> Result<Owned, Stop> {
    let (login, umask) = maker(facts)?;
    Ok(wanted.on(born(&login, umask, 0o666, above, FileKind::File), FileKind::File))
}

/// `sha256:…`, or `sha256:https://…`.
fn sum(text: &str) -> Result<Sum, String> {
    if text.is_empty() {
        return Ok(Sum::None);
    }
    let Some((algorithm, digest)) = text.split_once(':') else {
        return Err("The checksum parameter has to be in format <algorithm>:<checksum>".into());
    };
    if !["md5", "sha1", "sha224", "sha256", "sha384", "sha512"].contains(&algorithm) {
        return Err(format!(
            "Could not hash file with algorithm '{algorithm}'. Available algorithms: md5, sha1, sha224, sha256, sha384, sha512"
        ));
    }
    if ["http://", "https://", "ftp://", "file://"].iter().any(|scheme| digest.starts_with(scheme)) {
        return Ok(Sum::At(algorithm.to_owned(), digest.to_owned()));
    }
    let digest: String = digest.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect::<String>().to_lowercase();
    if digest.is_empty() || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("The checksum format is invalid".into());
    }
    Ok(Sum::Is(algorithm.to_owned(), digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_registered_of_what_failed() {
        let output = |stdout: &[u8]| Output { status: 1, stdout: stdout.into(), ..Output::default() };
        assert_eq!(failed("http://a:b@c/", &output(b"status=401\n"))["status_code"], 401);
        assert_eq!(Value::Object(failed("http://a:b@c/", &output(b""))), serde_json::json!({"url": "http://a:********@c/"}));
    }

    #[test]
    fn checksums_are_read() {
        assert_eq!(sum("sha256:AB cd").unwrap(), Sum::Is("sha256".into(), "abcd".into()));
        assert_eq!(sum("sha512:https://a/b").unwrap(), Sum::At("sha512".into(), "https://a/b".into()));
        assert_eq!(sum("").unwrap(), Sum::None);
        assert!(sum("abcd").is_err() && sum("sha256:xyz").is_err() && sum("crc:ab").is_err());
    }
}
