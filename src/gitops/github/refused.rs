//! Why GitHub did not do what it was asked: what was seen, why it stops us, and what goes on.

use std::fmt;
use std::time::Duration;

use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

/// What a request asks of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Nothing but to be known.
    Known,
    /// To see a repository.
    Metadata,
    /// To read its files.
    ReadContents,
    /// To write them.
    Contents,
    /// To make repositories, and keys of theirs.
    Administration,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known => "any token",
            Self::Metadata => "`Metadata: read-only` (classic: `repo`)",
            Self::ReadContents => "`Contents: read-only` (classic: `repo`)",
            Self::Contents => "`Contents: read and write` (classic: `repo`)",
            Self::Administration => "`Administration: read and write` (classic: `repo`, of somebody with the role Admin)",
        })
    }
}

/// A request that was not done, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct Refused {
    /// What was being done, as in "reading the repository o/r".
    pub doing: String,
    /// What it asks of the token.
    pub right: Right,
    /// Why not.
    pub why: Why,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// 401.
    #[error("GitHub does not know the token, or no longer (401, {said})")]
    Token {
        /// GitHub's words.
        said: String,
    },
    /// 403 or 429 with nothing left of the hour's requests.
    #[error("the token has no request left this hour{}", .resets.map(|at| format!("; more from {at}")).unwrap_or_default())]
    Limit {
        /// When there are more.
        resets: Option<Timestamp>,
    },
    /// 403 or 429 because of too many requests at a time.
    #[error("GitHub wants to be left alone for a while{} (secondary rate limit)", .after.map(|after| format!(", {} s", after.as_secs())).unwrap_or_default())]
    Secondary {
        /// How long, if it said so.
        after: Option<Duration>,
    },
    /// 403 for a token that its organisation has not let in.
    #[error("the organisation wants the token to be let in by single sign-on (403)")]
    SingleSignOn {
        /// Where that is done.
        at: Option<String>,
    },
    /// 403 otherwise.
    #[error("the token may not do that (403, {said})")]
    NoRight {
        /// GitHub's words.
        said: String,
    },
    /// 404.
    #[error("GitHub says that there is no such thing (404), and it says so too to who may not see it")]
    Absent,
    /// A redirection: the repository has another name.
    #[error("it has moved{}", .to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default())]
    Moved {
        /// Where to.
        to: Option<String>,
    },
    /// 409.
    #[error("something else stands in the way (409, {said})")]
    Conflict {
        /// GitHub's words.
        said: String,
    },
    /// 422.
    #[error("GitHub does not take it (422, {said})")]
    Invalid {
        /// GitHub's words, with those for each field.
        said: String,
    },
    /// 5xx, and whatever has no line of its own.
    #[error("GitHub has trouble of its own ({status})")]
    Trouble {
        /// The status.
        status: u16,
    },
    /// No answer in time.
    #[error("no answer after {} s", .after.as_secs_f32())]
    Slow {
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended before the answer did.
    #[error("the connection ended before the answer ({said})")]
    Cut {
        /// What was seen.
        said: String,
    },
    /// There was no connection.
    #[error("GitHub is not reached: {said}")]
    Unreachable {
        /// What was seen.
        said: String,
    },
    /// An answer that is not as GitHub describes it.
    #[error("the answer is not understood: {said}")]
    Answer {
        /// What is wrong with it.
        said: String,
    },
}

impl Refused {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        let right = self.right;
        Some(match &self.why {
            Why::Token { .. } => "make a token at https://github.com/settings/tokens, and put it into GITHUB_TOKEN".into(),
            Why::Limit { .. } => "nothing was done by this request; run the same command again then".into(),
            Why::Secondary { .. } => "run the same command again in a few minutes".into(),
            Why::SingleSignOn { at: Some(at) } => format!("let the token in at {at}, then run the same command again"),
            Why::SingleSignOn { at: None } => "let the token in at https://github.com/settings/tokens, `Configure SSO`".into(),
            Why::NoRight { .. } | Why::Absent if right != Right::Known => {
                format!("check the names; the token wants {right} for this repository")
            }
            Why::NoRight { .. } | Why::Absent => return None,
            Why::Moved { .. } => "name the repository as it is called now".into(),
            Why::Slow { .. } | Why::Cut { .. } => {
                "it may have been done all the same; run the same command again, it takes up what is there".into()
            }
            Why::Trouble { .. } => "see https://www.githubstatus.com; run the same command again later".into(),
            Why::Unreachable { .. } => "check the network, the proxy and the CA file".into(),
            Why::Conflict { .. } | Why::Invalid { .. } | Why::Answer { .. } => return None,
        })
    }
}

impl Why {
    /// Whether the same request may be answered otherwise a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Trouble { status: 500.. } | Self::Slow { .. } | Self::Cut { .. } | Self::Unreachable { .. })
    }

    /// How long to wait before the same request will be looked at; the request was not done.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Limit { resets: Some(at) } => Some(Duration::try_from(at.duration_since(now)).unwrap_or_default()),
            // "wait for at least one minute", where GitHub names no time
            Self::Secondary { after } => Some(after.unwrap_or(Duration::from_secs(60))),
            _ => None,
        }
    }

    /// What an answer that is no success says.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| header(name).and_then(|value| value.trim().parse::<i64>().ok());
        let said = said(body);
        match status.as_u16() {
            301 | 302 | 307 | 308 => Self::Moved { to: header("location").map(str::to_owned) },
            401 => Self::Token { said },
            403 | 429 => {
                let after = number("retry-after").and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
                if after.is_some() || said.to_ascii_lowercase().contains("secondary rate limit") {
                    Self::Secondary { after }
                } else if number("x-ratelimit-remaining") == Some(0) {
                    Self::Limit { resets: number("x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok()) }
                } else if status.as_u16() == 429 {
                    Self::Secondary { after: None }
                } else if let Some(sso) = header("x-github-sso") {
                    Self::SingleSignOn { at: sso.split("url=").nth(1).map(str::to_owned) }
                } else {
                    Self::NoRight { said }
                }
            }
            404 => Self::Absent,
            409 => Self::Conflict { said },
            422 => Self::Invalid { said },
            status => Self::Trouble { status },
        }
    }
}

/// GitHub's words, and those for each field that it does not like.
fn said(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return "without a word".into() };
    let text = |value: &Value| value.as_str().map(|text| text.replace(['\r', '\n'], " "));
    let mut words: Vec<String> = body.get("message").and_then(text).into_iter().collect();
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let whole = text(error).or_else(|| error.get("message").and_then(text));
        let parts = || ["resource", "field", "code"].iter().filter_map(|part| error.get(part).and_then(text)).collect::<Vec<_>>().join(" ");
        words.push(whole.unwrap_or_else(parts));
    }
    words.retain(|word| !word.is_empty());
    if words.is_empty() { "without a word".into() } else { words.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(status: u16, headers: &[(&'static str, &str)], body: &str) -> Why {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Why::of(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_403_has_five_meanings() {
        let none_left = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000000")];
        let limit = why(403, &none_left, r#"{"message":"API rate limit exceeded"}"#);
        assert_eq!(limit.to_string(), "the token has no request left this hour; more from 2027-01-15T08:00:00Z");
        assert_eq!(limit.wait(Timestamp::from_second(1_799_999_990).unwrap()), Some(Duration::from_secs(10)));
        assert_eq!(limit.wait(Timestamp::from_second(1_800_000_001).unwrap()), Some(Duration::ZERO));
        let secondary = why(403, &[("retry-after", "7"), ("x-ratelimit-remaining", "0")], "{}");
        assert_eq!(secondary, Why::Secondary { after: Some(Duration::from_secs(7)) });
        let unnamed = why(403, &[], r#"{"message":"You have exceeded a secondary rate limit."}"#);
        assert_eq!(unnamed.wait(Timestamp::now()), Some(Duration::from_secs(60)));
        assert_eq!(why(429, &[], ""), Why::Secondary { after: None });
        let sso = why(403, &[("x-github-sso", "required; url=https://github.com/orgs/o/sso")], "{}");
        assert_eq!(sso, Why::SingleSignOn { at: Some("https://github.com/orgs/o/sso".into()) });
        let no_right = why(403, &[("x-ratelimit-remaining", "12")], r#"{"message":"Resource not accessible by personal access token"}"#);
        assert_eq!(no_right.to_string(), "the token may not do that (403, Resource not accessible by personal access token)");
        assert_eq!(no_right.wait(Timestamp::now()), None);
    }

    #[test]
    fn what_is_wrong_with_a_field_is_told() {
        let body = r#"{"message":"Validation Failed","errors":[{"resource":"PublicKey","code":"custom","field":"key","message":"key is already in use"}]}"#;
        assert_eq!(why(422, &[], body).to_string(), "GitHub does not take it (422, Validation Failed: key is already in use)");
        let body = r#"{"message":"Validation Failed","errors":[{"resource":"Blob","code":"missing","field":"sha"},"second"]}"#;
        assert_eq!(why(422, &[], body), Why::Invalid { said: "Validation Failed: Blob sha missing: second".into() });
        assert_eq!(why(401, &[], "<html>").to_string(), "GitHub does not know the token, or no longer (401, without a word)");
    }

    #[test]
    fn what_passes_by_itself() {
        for (status, passes) in [(500, true), (502, true), (503, true), (400, false), (404, false), (409, false), (422, false)] {
            assert_eq!(why(status, &[], "").is_passing(), passes, "{status}");
        }
        let moved = why(301, &[("location", "https://api.github.com/repositories/1")], "");
        assert_eq!(moved.to_string(), "it has moved to https://api.github.com/repositories/1");
    }

    #[test]
    fn the_missing_right_is_named() {
        let refused = Refused { doing: "listing the deploy keys of o/r".into(), right: Right::Administration, why: Why::Absent };
        assert!(refused.to_string().starts_with("listing the deploy keys of o/r: GitHub says"));
        assert!(refused.hint().unwrap().contains("`Administration: read and write`"));
    }
}
