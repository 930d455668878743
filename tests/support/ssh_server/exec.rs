//! One command on one channel, and the words of our shell loop for those that play it.

use std::sync::Arc;

use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg};

use super::counts::Counts;
use super::wire::Wire;

/// A command that a client wants to run. Whatever is done with it is up to the program.
pub struct Exec {
    pub command: String,
    pub wire: Wire,
    pub channel: Channel<Msg>,
    handle: Handle,
    counts: Arc<Counts>,
    held: Vec<u8>,
}

/// What the loop of `src/transport/privilege.rs` is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub nonce: String,
    pub text: String,
}

impl Exec {
    pub(super) fn new(command: String, channel: Channel<Msg>, handle: Handle, wire: Wire, counts: Arc<Counts>) -> Self {
        Self { command, wire, channel, handle, counts, held: Vec::new() }
    }

    /// Grants the request.
    pub async fn accept(&self) {
        let _ = self.handle.channel_success(self.channel.id()).await;
    }

    /// Refuses it.
    pub async fn refuse(&self) {
        let _ = self.handle.channel_failure(self.channel.id()).await;
    }

    /// Bytes from the client; `None` when there will be no more.
    pub async fn input(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.channel.wait().await? {
                ChannelMsg::Data { data } => return Some(data.to_vec()),
                ChannelMsg::Eof | ChannelMsg::Close => return None,
                _ => {}
            }
        }
    }

    /// False once the client is gone.
    pub async fn stdout(&self, bytes: impl Into<Vec<u8>>) -> bool {
        self.channel.data_bytes(bytes.into()).await.is_ok()
    }

    /// False once the client is gone.
    pub async fn stderr(&self, bytes: impl Into<Vec<u8>>) -> bool {
        self.channel.extended_data_bytes(1, bytes.into()).await.is_ok()
    }

    /// Sends a message that means nothing to anybody; false once the client is gone.
    pub async fn chat(&self) -> bool {
        self.handle.xon_xoff_request(self.channel.id(), true).await.is_ok()
    }

    /// The mark by which the loop says that it runs.
    pub fn ready_mark(&self) -> String {
        let (_, rest) = self.command.split_once("echo; echo ").expect("the loop's command");
        let nonce = rest.split(' ').next().unwrap();
        format!("\n{nonce} ready\n")
    }

    /// Grants the request, and says that the loop runs.
    pub async fn ready(&self) {
        self.accept().await;
        self.stdout(self.ready_mark()).await;
    }

    /// The next script, once it is there whole.
    pub async fn script(&mut self) -> Option<Script> {
        loop {
            if let Some(script) = self.take() {
                self.counts.scripts.add(1);
                return Some(script);
            }
            let bytes = self.input().await?;
            self.held.extend(bytes);
        }
    }

    fn take(&mut self) -> Option<Script> {
        let line = self.held.iter().position(|&byte| byte == b'\n')?;
        let header = String::from_utf8(self.held[..line].to_vec()).unwrap();
        let [length, nonce, _] = header.split(' ').collect::<Vec<_>>().try_into().expect("`<length> <nonce> <input>`");
        let end = line + 1 + length.parse::<usize>().unwrap();
        if self.held.len() < end {
            return None;
        }
        let text = String::from_utf8(self.held[line + 1..end].to_vec()).unwrap();
        let script = Script { nonce: nonce.to_owned(), text };
        self.held.drain(..end);
        Some(script)
    }

    /// Both streams' marks before an answer.
    pub async fn begin(&self, script: &Script) {
        let mark = format!("{} begin\n", script.nonce);
        self.stdout(mark.clone()).await;
        self.stderr(mark).await;
    }

    /// Both streams' marks after an answer.
    pub async fn end(&self, script: &Script, status: &str) {
        self.stdout(format!("\n{} end {status}\n", script.nonce)).await;
        self.stderr(format!("\n{} end\n", script.nonce)).await;
    }

    /// Ends the command.
    pub async fn exit(&self, status: u32) {
        let _ = self.channel.exit_status(status).await;
        let _ = self.channel.eof().await;
        let _ = self.channel.close().await;
    }
}
