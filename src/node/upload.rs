//! Large contents: streamed to a file of ours beside the target, on a channel of its own, then moved into place by the
//! step that writes the file ([`Source::Staged`]), which checks the digest first.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, ReadBuf};

use super::host::Host;
use super::record::Records;
use super::script::{Function, Script};
use super::steps::Source;
use crate::transport::{Collected, ShellError};

/// How long nothing may move.
const STALLED: Duration = Duration::from_secs(60);
/// How much later than the content itself we tell that it came to a halt.
const MARGIN: Duration = Duration::from_secs(30);
/// What the script answers is a path and perhaps a complaint.
const ANSWER_LIMIT: usize = 64 << 10;

/// path of the target, length or ``. Stdin: the content.
///
/// An upload that was cut leaves its file behind; the next one to the same place removes it.
const UPLOAD: Function = Function {
    name: "s_upload",
    needs: &[],
    text: r#"s_upload() (
  prefix=${1%/*}/.$(printf %.180s "${1##*/}").homelabctl-upload-
  set +f
  rm -f -- "$prefix"??????
  set -f
  new=$(mktemp "${prefix}XXXXXX") || exit 1
  if if [ -n "$2" ]; then head -c "$2" >"$new" && [ "$(wc -c <"$new")" -eq "$2" ]; else cat >"$new"; fi; then
    r=$new
    answer 0 0
  else
    rm -f -- "$new"
    exit 1
  fi
)"#,
};

/// paths. What was uploaded and is not wanted.
pub(super) const DISCARD: Function = Function {
    name: "s_discard",
    needs: &[],
    text: r#"s_discard() {
  rm -f -- "$@"
}"#,
};

/// An upload that did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The shell for it.
    #[error("uploading {path}")]
    Shell {
        /// The target.
        path: String,
        /// Why.
        #[source]
        source: ShellError,
    },
    /// The machine did not take it.
    #[error("the machine did not take {path}: {why}")]
    Refused {
        /// The target.
        path: String,
        /// Its words.
        why: String,
    },
}

/// Streams a content to the machine, to be written to `path` by `user`'s next step: `length` bytes, or what comes until it ends.
///
/// # Errors
/// It did not arrive whole; nothing stands under `path` that was not there before.
pub async fn upload(
    host: &Host,
    user: &str,
    path: &str,
    content: impl AsyncRead + Unpin + Send,
    length: Option<u64>,
) -> Result<Source, UploadError> {
    upload_slowly(host, user, path, content, length, Duration::ZERO).await
}

/// As [`upload`], of a content that may come to a halt for that long.
///
/// # Errors
/// It did not arrive whole; nothing stands under `path` that was not there before.
pub(super) async fn upload_slowly(
    host: &Host,
    user: &str,
    path: &str,
    content: impl AsyncRead + Unpin + Send,
    length: Option<u64>,
    halt: Duration,
) -> Result<Source, UploadError> {
    let limit = STALLED.max(halt.saturating_add(MARGIN));
    let failed = |source| UploadError::Shell { path: path.into(), source };
    let refused = |why: String| UploadError::Refused { path: path.into(), why };
    let nonce = crate::transport::Nonce::new();
    let mut script = Script::new();
    let made = script
        .set("k", nonce.as_str())
        .and_then(|()| script.call(&UPLOAD, [path, &length.map_or_else(String::new, |length| length.to_string())]));
    made.map_err(|nul| refused(nul.to_string()))?;
    let shell = host.connection().shell(&host.privilege(user), STALLED).await.map_err(failed)?;
    let mut content = Digesting { content, digest: Sha256::new(), broken: None };
    let mut output = Collected::up_to(ANSWER_LIMIT);
    let ran = shell.run_with_input(&script.finish(), &mut content, &mut output, limit).await;
    ran.map_err(failed)?;
    let staged = Records::parse(nonce.as_str(), &output.stdout, &output.stderr).get(0).and_then(|record| {
        let bytes = record.bytes().ok()?.into_owned();
        String::from_utf8(bytes).ok()
    });
    if let Some(why) = content.broken {
        // of a length that nobody knows: for the script it is whole
        if let Some(staged) = staged {
            discard(host, user, &staged).await;
        }
        return Err(failed(ShellError::Input(why)));
    }
    match staged {
        Some(staged) => Ok(Source::Staged { path: staged, sha256: content.hex() }),
        None => Err(refused(super::record::to_reason(&output.stderr))),
    }
}

/// Removes what was uploaded; if it stays all the same, the next upload to the same place removes it.
async fn discard(host: &Host, user: &str, uploaded: &str) {
    let mut script = Script::new();
    if script.call(&DISCARD, [uploaded]).is_ok()
        && let Ok(mut shell) = host.connection().shell(&host.privilege(user), STALLED).await
    {
        let _ = shell.run(&script.finish(), &mut Collected::up_to(ANSWER_LIMIT), STALLED).await;
    }
}

/// Digests what is read through it. One that cannot be read on ends there, so that the script ends too and says where its
/// file is.
struct Digesting<R> {
    content: R,
    digest: Sha256,
    /// Why it cannot be read on.
    broken: Option<String>,
}

impl<R> Digesting<R> {
    fn hex(self) -> String {
        self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Digesting<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        if self.broken.is_some() {
            return Poll::Ready(Ok(()));
        }
        if let Err(error) = ready!(Pin::new(&mut self.content).poll_read(cx, buffer)) {
            self.broken = Some(error.to_string());
        }
        self.digest.update(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}
