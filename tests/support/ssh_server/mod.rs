//! An SSH server that does what a test tells it to: a good host, a slow one, a lying one.
//!
//! By russh's server side, on a free port of 127.0.0.1. Nothing is forked unless [`program::real_shell`] is asked for, so a
//! thousand of them fit one process. What clients do is counted ([`Counts`]).
//!
//! ```ignore
//! let server = SshServer::start(Options { program: program::simulated(|_| Answer::text("hi\n")), ..Options::default() }).await;
//! ```
#![allow(
    dead_code,                   // each user of this library uses a part of it
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod counts;
mod exec;
mod handler;
mod options;
pub mod program;
mod raw;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use russh::keys::PublicKey;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

pub use counts::Counts;
pub use exec::{Exec, Script};
pub use options::{Channels, Login, Options, new_key};
pub use program::{Answer, Program};
pub use raw::{Raw, Then, ignored_packet};
pub use wire::{Pace, Wire};

use handler::Session;
use wire::WeakWire;

type Wires = Arc<Mutex<Vec<WeakWire>>>;

/// Waiting connections: all hosts are connected to at once.
const BACKLOG: u32 = 1024;

/// A server; dropping it cuts all its connections.
pub struct SshServer {
    pub address: SocketAddr,
    pub host_key: PublicKey,
    pub counts: Arc<Counts>,
    wires: Wires,
    accepting: JoinHandle<()>,
}

impl SshServer {
    pub async fn start(options: Options) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(size) = options.receive_buffer {
            socket.set_recv_buffer_size(size).unwrap();
        }
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let (counts, wires) = (Arc::new(Counts::default()), Arc::new(Mutex::new(Vec::new())));
        let host_key = options.host_key.public_key().clone();
        let accepting = tokio::spawn(accept(listener, Arc::new(options), Arc::clone(&counts), Arc::clone(&wires)));
        Self { address, host_key, counts, wires, accepting }
    }

    /// The line of known_hosts that a client who knows this host has.
    pub fn known_hosts_line(&self) -> String {
        known_hosts_line(self.address.port(), &self.host_key)
    }

    /// From now on nothing is read or written on the connections there are, and nothing says so.
    pub fn freeze(&self) {
        self.wires().iter().for_each(Wire::freeze);
    }

    /// Closes the connections there are.
    pub fn cut(&self) {
        self.wires().iter().for_each(Wire::cut);
    }

    fn wires(&self) -> Vec<Wire> {
        self.wires.lock().unwrap().iter().filter_map(WeakWire::upgrade).collect()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

pub fn known_hosts_line(port: u16, key: &PublicKey) -> String {
    format!("[127.0.0.1]:{port} {}\n", key.to_openssh().unwrap())
}

async fn accept(listener: TcpListener, options: Arc<Options>, counts: Arc<Counts>, wires: Wires) {
    let config = Arc::new(options.config());
    while let Ok((stream, _)) = listener.accept().await {
        counts.connections.add(1);
        let wire = Wire::of(&stream);
        wires.lock().unwrap().push(wire.downgrade());
        let (options, config, counts) = (Arc::clone(&options), Arc::clone(&config), Arc::clone(&counts));
        tokio::spawn(async move {
            counts.open.add(1);
            serve(stream, wire.clone(), options, config, Arc::clone(&counts)).await;
            wire.cut();
            counts.open.sub(1);
        });
    }
}

async fn serve(stream: TcpStream, wire: Wire, options: Arc<Options>, config: Arc<russh::server::Config>, counts: Arc<Counts>) {
    stream.set_nodelay(true).unwrap();
    if let Some(raw) = &options.raw {
        return raw.serve(stream).await;
    }
    let session = Session::new(Arc::clone(&options), counts, wire.clone());
    let stream = wire.wrap(stream, options.pace);
    // whatever the client does wrong is the client's test's concern
    if let Ok(running) = russh::server::run_stream(config, stream, session).await {
        let _ = running.await;
    }
}
