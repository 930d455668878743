//! Answers russh's questions about one connection.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Response, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure};

use super::counts::Counts;
use super::exec::Exec;
use super::options::{Channels, Login, Options};
use super::wire::Wire;

pub(super) struct Session {
    options: Arc<Options>,
    counts: Arc<Counts>,
    wire: Wire,
    /// Granted, and without a command so far.
    waiting: HashMap<ChannelId, Channel<Msg>>,
    asked: u64,
    open: u64,
    /// Held so that a request is never answered.
    unanswered: Vec<ChannelOpenHandle>,
}

impl Session {
    pub(super) fn new(options: Arc<Options>, counts: Arc<Counts>, wire: Wire) -> Self {
        Self { options, counts, wire, waiting: HashMap::new(), asked: 0, open: 0, unanswered: Vec::new() }
    }

    fn key(&self, key: &PublicKey) -> bool {
        match &self.options.login {
            Login::AnyKey => true,
            Login::Key(known) => known.key_data() == key.key_data(),
            _ => false,
        }
    }
}

fn answer(fine: bool) -> Auth {
    if fine { Auth::Accept } else { Auth::reject() }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, russh::Error> {
        Ok(self.options.banner.clone())
    }

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.counts.attempts.add(1);
        if matches!(self.options.login, Login::Never) {
            self.wire.mute();
        }
        Ok(answer(self.key(key.public_key)))
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
        self.counts.attempts.add(1);
        Ok(answer(matches!(&self.options.login, Login::Password(known) if known == password)))
    }

    async fn auth_keyboard_interactive<'a>(&'a mut self, _: &str, _: &str, _: Option<Response<'a>>) -> Result<Auth, russh::Error> {
        self.counts.attempts.add(1);
        let Login::Questions(number) = self.options.login else { return Ok(Auth::reject()) };
        let prompts = vec![(Cow::Borrowed("\x1b]0;your password, please\x07"), false); number];
        Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() })
    }

    async fn auth_succeeded(&mut self, _: &mut russh::server::Session) -> Result<(), russh::Error> {
        self.counts.logins.add(1);
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        self.counts.channels.add(1);
        self.asked += 1;
        let grant = match self.options.channels {
            Channels::Any => true,
            Channels::AtMost(limit) => self.open < limit,
            Channels::RefuseFirst(number) => self.asked > number,
            Channels::Never => {
                self.unanswered.push(reply);
                return Ok(());
            }
        };
        if !grant {
            // as sshd does: "open failed"
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        self.open += 1;
        self.counts.most_channels.at_least(self.open);
        self.waiting.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut russh::server::Session) -> Result<(), russh::Error> {
        self.open = self.open.saturating_sub(1);
        Ok(())
    }

    async fn data(&mut self, _: ChannelId, data: &[u8], _: &mut russh::server::Session) -> Result<(), russh::Error> {
        self.counts.data_messages.add(1);
        self.counts.data_bytes.add(data.len() as u64);
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut russh::server::Session) -> Result<(), russh::Error> {
        self.counts.execs.add(1);
        let Some(channel) = self.waiting.remove(&id) else { return session.channel_failure(id) };
        let command = String::from_utf8_lossy(command).into_owned();
        let exec = Exec::new(command, channel, session.handle(), self.wire.clone(), Arc::clone(&self.counts));
        tokio::spawn((self.options.program)(exec));
        Ok(())
    }
}
