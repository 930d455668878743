//! A long wire for machines without a kernel of their own: a proxy in the bed's network that has the machine's address and
//! passes every byte on a fixed time after it came, in both directions, connections included.

use super::bed::inside_network;
use super::error::{Doing, Result};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Starts a proxy inside the network at `network`. Its threads end with the process; the addresses end with the bed.
pub fn start(network: &Path, listen: SocketAddr, target: SocketAddr, one_way: Duration) -> Result<()> {
    let listener = inside_network(network, || TcpListener::bind(listen))?.doing(|| format!("cannot listen on {listen}"))?;
    let network = network.to_owned();
    thread::spawn(move || {
        if super::bed::enter_network(&network).is_err() {
            return; // the bed is gone already
        }
        for client in listener.incoming().map_while(|c| c.ok()) {
            thread::spawn(move || connection(client, target, one_way));
        }
    });
    Ok(())
}

fn connection(client: TcpStream, target: SocketAddr, one_way: Duration) {
    // The handshake takes a round trip. Our client has had its answer at once, so the server hears of it that much later.
    thread::sleep(one_way * 2);
    let Ok(server) = TcpStream::connect_timeout(&target, Duration::from_secs(10)) else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let (Ok(client2), Ok(server2)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || pass(client2, server2, one_way));
    pass(server, client, one_way);
}

/// Passes on what comes, each piece as long after it came. The queue is bounded in pieces, as a wire is in bytes.
fn pass(mut from: TcpStream, mut to: TcpStream, one_way: Duration) {
    let (send, receive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(4096);
    let writer = thread::spawn(move || {
        for (due, bytes) in receive {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // An empty piece is the end of the stream.
            if bytes.is_empty() || to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = vec![0; 65536];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        if send.send((Instant::now() + one_way, buffer[..read].to_vec())).is_err() || read == 0 {
            break;
        }
    }
    drop(send);
    let _ = writer.join();
    let _ = from.shutdown(Shutdown::Read);
}
