//! What the tests of this folder share.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// The shells that every script must run in.
pub const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "ash"]];

/// Runs a script as the long-lived shell does: in a child shell, with the nonce in `$k` and no standard input.
pub fn run(shell: &[&str], nonce: &str, script: &str) -> Output {
    let (program, arguments) = shell.split_first().unwrap();
    Command::new(program)
        .args(arguments)
        .args(["-c", "k=$1 s=$2; ( eval \"$s\" ) </dev/null", "sh", nonce, script])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A server that answers each connection with the next of these, and gives back what it was asked.
pub fn server<A: AsRef<[u8]> + Send + 'static>(answers: Vec<A>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handle = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                text.extend_from_slice(&buffer[..count]);
                if text.ends_with(b"\r\n\r\n") || text.ends_with(b"|") {
                    break;
                }
            }
            asked.push(String::from_utf8_lossy(&text).into_owned());
            stream.write_all(answer.as_ref()).unwrap();
        }
        asked
    });
    (url, handle)
}
