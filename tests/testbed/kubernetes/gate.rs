//! A way to an API server on which each request is seen, and something can happen at one of them.

use super::http::Client;
use crate::testbed::error::{Doing, Result};
use crate::testbed::github::wire;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens at a request, once.
type Event = Box<dyn FnOnce() + Send>;

/// Stands before an API server. Who comes by it is an administrator, whatever they show. It stays open until the process ends.
pub struct Gate {
    kubeconfig: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    log: Vec<String>,
    event: Option<(usize, Event)>,
}

impl Gate {
    pub(super) fn start(port: u16, server: ServerConfig, upstream: Client, to: u16, kubeconfig: PathBuf) -> Result<Gate> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).doing(|| format!("port {port} is taken"))?;
        let (server, seen) = (Arc::new(server), Arc::new(Mutex::new(Seen::default())));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, upstream, seen) = (server.clone(), upstream.clone(), shared.clone());
                thread::spawn(move || pass(stream, server, &upstream, to, &seen));
            }
        });
        Ok(Gate { kubeconfig, seen })
    }

    /// The kubeconfig of who comes by it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The requests so far, `GET /api/v1/nodes`, and forgets them.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap().log)
    }

    /// When the API server has answered the request with this number, from 1 on, of those to come: this happens, and the answer is lost.
    pub fn at(&self, request: usize, event: impl FnOnce() + Send + 'static) {
        self.seen.lock().unwrap().event = Some((request, Box::new(event)));
    }
}

impl Seen {
    fn event(&mut self) -> Option<Event> {
        let (left, _) = self.event.as_mut()?;
        *left = left.saturating_sub(1);
        self.event.take_if(|(left, _)| *left == 0).map(|(_, event)| event)
    }
}

/// One request a connection, and its answer as it comes: that of a watch has no end.
fn pass(mut stream: TcpStream, server: Arc<ServerConfig>, upstream: &Client, to: u16, seen: &Mutex<Seen>) {
    let Ok(mut tls) = ServerConnection::new(server) else { return };
    let _ = stream.set_nodelay(true);
    while tls.is_handshaking() {
        if tls.complete_io(&mut stream).is_err() {
            return;
        }
    }
    let mut reader = BufReader::new(StreamOwned::new(tls, stream));
    let Some((asked, target)) = wire::head(&mut reader) else { return };
    let Some(body) = wire::body(&mut reader, &asked) else { return };
    let Ok(mut api) = upstream.connect(to) else { return };
    let mut head = format!("{} {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", asked.method, body.len());
    let own = ["connection", "content-length", "transfer-encoding", "authorization"];
    for (name, value) in asked.headers.iter().filter(|(name, _)| !own.contains(&name.to_ascii_lowercase().as_str())) {
        head += &format!("{name}: {value}\r\n");
    }
    if api.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).and_then(|()| api.flush()).is_err() {
        return;
    }
    let mut bytes = vec![0; 1 << 16];
    let mut length = api.read(&mut bytes).unwrap_or(0);
    let event = {
        let mut seen = seen.lock().unwrap();
        seen.log.push(format!("{} {}", asked.method, target.split('?').next().unwrap_or_default()));
        seen.event()
    };
    if let Some(event) = event {
        return event();
    }
    let out = reader.get_mut();
    while length > 0 && out.write_all(&bytes[..length]).and_then(|()| out.flush()).is_ok() {
        length = api.read(&mut bytes).unwrap_or(0);
    }
    out.conn.send_close_notify();
    let _ = out.flush();
}
