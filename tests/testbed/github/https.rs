//! GitHub under its own names, over TLS: its API, and the repositories as who has a token gets them.

use super::hub::{Hub, State, serve};
use super::ssh::name;
use super::wire;
use crate::testbed::Bed;
use crate::testbed::error::{Doing, Result};
use crate::testbed::kubernetes::Authority;
use crate::testbed::kubernetes::http::server;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

/// A server at port 443 of a bed's loopback: `https://api.github.com`, `https://github.com/OWNER/REPOSITORY.git`. Dropping it ends it.
pub struct Https {
    authority: PathBuf,
    is_over: Arc<AtomicBool>,
}

impl Https {
    /// Where in the bed's directory the certificate is that it is to be trusted by. Controllers, the Flux CLI and git do.
    pub const AUTHORITY: &str = "github/authority.crt";

    /// Starts it, and gives it its names in the bed's namespaces. The calling thread must have [entered](Bed::enter) the bed.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(bed: &Bed, hub: &Hub) -> Result<Https> {
        name(bed)?;
        let authority = Authority::new("github")?;
        let own = authority.sign("github.com", &[], &["github.com", "api.github.com"])?;
        let path = bed.dir().join(Https::AUTHORITY);
        fs::write(&path, &authority.certificate).doing(|| format!("cannot write {}", path.display()))?;
        let config = Arc::new(server(&own).doing(|| "no TLS".into())?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 443)).doing(|| "port 443 is taken".into())?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, (root, state)) = (is_over.clone(), hub.shared());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (config, root, state) = (config.clone(), root.clone(), state.clone());
                thread::spawn(move || connection(stream, config, &root, &state));
            }
        });
        Ok(Https { authority: path, is_over })
    }

    /// The certificate that it is to be trusted by, for `--ca-file` and the like.
    pub fn authority(&self) -> &Path {
        &self.authority
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, 443)); // the listener looks when somebody comes
    }
}

fn connection(mut stream: TcpStream, config: Arc<ServerConfig>, root: &Path, state: &Mutex<State>) {
    let Ok(mut tls) = ServerConnection::new(config) else { return };
    let _ = stream.set_nodelay(true);
    while tls.is_handshaking() {
        if tls.complete_io(&mut stream).is_err() {
            return; // who does not trust us hangs up
        }
    }
    let is_api = tls.server_name() == Some("api.github.com");
    let stream = StreamOwned::new(tls, stream);
    if is_api { serve(stream, root, state) } else { repositories(stream, root, state) }
}

/// What is asked of github.com itself: git's own protocol, by git's own program for it.
fn repositories(stream: impl Read + Write, root: &Path, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some((asked, target)) = wire::head(&mut reader) {
        let Some(body) = wire::body(&mut reader, &asked) else { return };
        let is_known = asked.header("authorization").and_then(|value| value.strip_prefix("Basic ")).is_some_and(|value| {
            let who = STANDARD.decode(value).unwrap_or_default();
            String::from_utf8_lossy(&who).split_once(':').is_some_and(|(_, password)| password == state.lock().unwrap().token)
        });
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let answer = match asked.parts.as_slice() {
            _ if !is_known => plain("401 Unauthorized", "WWW-Authenticate: Basic realm=\"GitHub\"\r\n"),
            [owner, repository, ..] => {
                let full = format!("{owner}/{}", repository.trim_end_matches(".git"));
                let is_there = state.lock().unwrap().repos.get(&full).is_some_and(|repo| !repo.is_hidden);
                let rest = path.trim_start_matches('/').splitn(3, '/').nth(2).unwrap_or_default();
                match is_there {
                    true => backend(root, &format!("/{full}.git/{rest}"), query, &asked, &body),
                    false => plain("404 Not Found", ""),
                }
            }
            _ => plain("404 Not Found", ""),
        };
        let out = reader.get_mut();
        if out.write_all(&answer).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn plain(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n").into_bytes()
}

/// What `git http-backend` answers (CGI).
fn backend(root: &Path, path: &str, query: &str, asked: &wire::Asked, body: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "token").env("REMOTE_ADDR", "127.0.0.1");
    command.env("REQUEST_METHOD", &asked.method).env("PATH_INFO", path).env("QUERY_STRING", query);
    command.env("CONTENT_LENGTH", body.len().to_string());
    for (header, variable) in
        [("content-type", "CONTENT_TYPE"), ("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "HTTP_GIT_PROTOCOL")]
    {
        if let Some(value) = asked.header(header) {
            command.env(variable, value);
        }
    }
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(body);
    let said = child.wait_with_output().unwrap().stdout;
    let Some(end) = said.windows(4).position(|four| four == b"\r\n\r\n") else { return plain("500 Internal Server Error", "") };
    let (head, body) = (String::from_utf8_lossy(&said[..end]), &said[end + 4..]);
    let (mut status, mut headers) = ("200 OK".to_owned(), String::new());
    for line in head.lines() {
        match line.strip_prefix("Status: ") {
            Some(other) => other.clone_into(&mut status),
            None => headers += &format!("{line}\r\n"),
        }
    }
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
