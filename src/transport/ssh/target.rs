//! How to reach a host: all that the files say, known before the first connection.

use crate::diagnostics::Diagnostics;
use crate::transport::ssh_config::{HostConfig, Local, Lookup, Proxy, SshConfig};

/// How to reach a host, with the hosts on the way.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host itself.
    pub host: HostConfig,
    /// The jump hosts, first to last; the first one's own proxy counts.
    pub jumps: Vec<Target>,
}

impl Target {
    /// Looks a host and its jump hosts up. `exec` runs the command of a `Match exec` and says whether it succeeded.
    ///
    /// # Errors
    /// All that is wrong in the files for this host and its jump hosts.
    pub fn resolve(
        config: &SshConfig,
        lookup: &Lookup<'_>,
        local: &Local,
        exec: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Self, Diagnostics> {
        Self::resolve_at(config, lookup, local, exec, 0)
    }

    fn resolve_at(
        config: &SshConfig,
        lookup: &Lookup<'_>,
        local: &Local,
        exec: &mut dyn FnMut(&str) -> bool,
        depth: usize,
    ) -> Result<Self, Diagnostics> {
        let host = config.resolve(lookup, local, exec)?;
        let mut jumps = Vec::new();
        if let Proxy::Jump(hops) = &host.proxy {
            if depth > 8 {
                let loops = format!("the jump hosts of `{}` lead in a circle", lookup.host);
                return Err(crate::diagnostics::Diagnostic::error(loops).hint("set `ProxyJump none` for the jump host itself").into());
            }
            for (index, hop) in hops.iter().enumerate() {
                let lookup = Lookup { host: &hop.host, user: hop.user.as_deref(), port: hop.port, ..Lookup::default() };
                let mut jump = Self::resolve_at(config, &lookup, local, exec, depth + 1)?;
                if index > 0 {
                    // it is reached through the one before it
                    jump.host.proxy = Proxy::None;
                    jump.jumps.clear();
                }
                jumps.push(jump);
            }
        }
        Ok(Self { host, jumps })
    }

    /// `user@host:port` as it is connected to, with the way there: the same words, the same connection.
    pub(crate) fn address(&self) -> String {
        let here = format!("{}@{}:{}", self.host.user, self.host.host_name, self.host.port);
        match (&self.host.proxy, self.jumps.as_slice()) {
            (Proxy::Command(command), _) => format!("{here} by {command}"),
            (_, []) => here,
            (_, jumps) => {
                let way: Vec<String> = jumps.iter().map(Self::address).collect();
                format!("{here} through {}", way.join(" and "))
            }
        }
    }
}
