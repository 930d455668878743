//! What the controller asks a server for a machine that has nothing to ask with: the request leaves from the machine, and
//! goes by its files and its environment.

use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt as _;

use super::facts::{Content, Environment, FileContent, FileKind, FullStat, Status};
use super::machine::{Lost, Machine as _, Real, Shells};
use super::stage::{LARGE, Unstaged};
use super::steps::{Body, Had, Http, Source};
use super::upload::UploadError;
use super::web::{self, Question, Silence, Trust};
use crate::plan::{Fact, Query, Reading, Scope};
use crate::transport::ShellError;

/// What a file may hold that is sent or trusted, in bytes.
const FILE: u64 = 32 << 20;
/// What is left out of an answer that is not wanted as a whole, in bytes.
const SHORT: usize = 1 << 20;
/// Where a system keeps the authorities that it trusts: Debian, Red Hat, Alpine.
pub const AUTHORITIES: [&str; 3] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A question to a server.
#[derive(Debug, Clone)]
pub struct Errand<'a> {
    /// What is asked.
    pub http: &'a Http,
    /// A file of the machine's: an answer comes only if the server has a newer one.
    pub newer: Option<&'a str>,
    /// Whether an answer of more than a mebibyte is nobody's.
    pub is_short: bool,
    /// Near which file a large answer is put, until the step takes it.
    pub near: &'a str,
}

/// What was read of the machine before.
struct Read(Vec<(Query, Reading)>);

impl Read {
    fn get<F: Fact>(&self, fact: &F) -> Option<F::Value>
    where
        F::Value: DeserializeOwned,
    {
        let query = fact.query();
        match self.0.iter().find(|(known, _)| *known == query) {
            Some((_, Reading::Present(value))) => serde_json::from_value(value.clone()).ok(),
            _ => None,
        }
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.get::<Content>(&Content::new(path, FILE)).as_ref().map(FileContent::bytes)
    }
}

async fn read<S: Shells>(machine: &mut Real<S>, scope: &Scope, queries: &[Query]) -> Result<Read, Unstaged> {
    let answers = machine.read(scope, queries).await.map_err(|lost: Lost| Unstaged::Lost(lost.why))?;
    Ok(Read(answers.into_iter().map(|(query, observation)| (query, observation.reading)).collect()))
}

/// Asks; a large answer is put on the machine.
///
/// # Errors
/// The machine is not reached, or lets nobody through.
pub(super) async fn ask<S: Shells>(machine: &mut Real<S>, scope: &Scope, errand: &Errand<'_>) -> Result<Had, Unstaged> {
    let http = errand.http;
    let named = [&http.certificates.authorities, &http.certificates.own, &http.certificates.key].map(|path| path.as_deref());
    let sent = match &http.body {
        Some(Body::File(path)) => Some(path.as_str()),
        _ => None,
    };
    let may_be_secure = !http.insecure && (http.follow || !http.url.starts_with("http:"));
    let system = AUTHORITIES.iter().copied().filter(|_| may_be_secure && http.certificates.authorities.is_none());
    let files = named.into_iter().flatten().chain(sent).chain(system);
    let mut queries: Vec<Query> = files.map(|path| Content::new(path, FILE).query()).collect();
    queries.push(Environment.query());
    queries.extend(errand.newer.map(|path| Status::new(path, true).query()));
    let read_before = read(machine, scope, &queries).await?;
    let mut environment = read_before.get(&Environment).unwrap_or_default();
    environment.extend(scope.environment.iter().cloned());
    let netrc = match environment.get("HOME").filter(|_| http.netrc && http.user.is_none()) {
        Some(home) => {
            let path = format!("{home}/.netrc");
            let found = read(machine, scope, &[Content::new(&path, FILE).query()]).await?.file(&path);
            found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        None => None,
    };
    for path in named.into_iter().flatten().chain(sent) {
        if read_before.file(path).is_none() {
            return Ok(Had::Silence(format!("{path} cannot be read")));
        }
    }
    let [authorities, own, key] = named.map(|path| path.and_then(|path| read_before.file(path)));
    let authorities = match authorities {
        Some(authorities) => authorities,
        None => match AUTHORITIES.iter().find_map(|path| read_before.file(path)) {
            Some(there) => there,
            // a machine without the package for them
            None => AUTHORITIES.iter().filter(|_| may_be_secure).find_map(|path| std::fs::read(path).ok()).unwrap_or_default(),
        },
    };
    let body = match &http.body {
        Some(Body::Bytes(bytes)) => Some(bytes.clone()),
        Some(Body::File(path)) => read_before.file(path),
        None => None,
    };
    let question = Question {
        http,
        body: body.as_deref(),
        since: errand.newer.and_then(|path| read_before.get(&Status::new(path, true))).and_then(|stat| since(&stat)),
        trust: Trust { authorities, own, key },
        environment,
        netrc,
    };
    match web::ask(machine.shells(), &question).await {
        Ok(answer) => match kept(machine, scope, errand, answer).await {
            Err(Unstaged::Lost(why)) if http.acts() => Err(Unstaged::Sent(why)),
            had => had,
        },
        Err(Silence::Failed(why)) => Ok(Had::Silence(why)),
        Err(Silence::Sent(why)) if http.acts() => Err(Unstaged::Sent(why)),
        Err(Silence::Sent(why)) => Err(Unstaged::Lost(why)),
        Err(Silence::Forbidden) => Err(Unstaged::Forbidden),
        Err(Silence::Lost(why)) => Err(Unstaged::Lost(why)),
    }
}

/// As HTTP writes the time of a file's last change.
fn since(stat: &FullStat) -> Option<String> {
    if stat.kind != FileKind::File {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let time = jiff::Timestamp::from_second(stat.modified.floor() as i64).ok()?;
    Some(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// The answer, with its body where the step finds it.
async fn kept<S: Shells>(machine: &mut Real<S>, scope: &Scope, errand: &Errand<'_>, mut answer: web::Answer) -> Result<Had, Unstaged> {
    let ended = |why: std::io::Error| Ok(Had::Silence(format!("the answer is cut off: {why}")));
    let limit = if errand.is_short { SHORT } else { usize::try_from(LARGE).unwrap_or(SHORT) };
    let mut first = Vec::new();
    if let Err(why) = (&mut answer.body).take(limit as u64 + 1).read_to_end(&mut first).await {
        return ended(why);
    }
    let is_all = first.len() <= limit;
    let body = if is_all && first.len() as u64 <= LARGE {
        Source::Bytes(first)
    } else if errand.is_short && !is_all {
        answer.is_packed = false;
        Source::Bytes(Vec::new())
    } else {
        let halt = std::time::Duration::from_secs(errand.http.timeout.into());
        let mut content = std::io::Cursor::new(first).chain(answer.body);
        match machine.shells().keep(scope, errand.near, &mut content, halt).await {
            Ok(source) => source,
            Err(UploadError::Shell { source: ShellError::Input(why), .. }) => return ended(std::io::Error::other(why)),
            Err(UploadError::Shell { source, .. }) => return Err(Unstaged::Lost(source.to_string())),
            Err(error) => return Err(Unstaged::Refused(error.to_string())),
        }
    };
    Ok(Had::Answer { status: answer.status, url: answer.url, head: answer.head, is_packed: answer.is_packed, body })
}
