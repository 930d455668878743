//! ~/.ssh/config has its say about each host, before the first connection.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::environment::Environment;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::inventory::{Connect, ResolvedHost};
use crate::transport::ssh::Target;
use crate::transport::ssh_config::{ConfigFiles, Local, Lookup, SshConfig};

/// A host with everything that is needed to connect to it.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) host: ResolvedHost,
    /// `None` for this machine itself.
    pub(super) target: Option<Target>,
}

/// Looks every host up. All that is wrong in the files, or in what they say about one of the hosts, is added to
/// `problems`.
pub(super) fn ready(hosts: Vec<ResolvedHost>, environment: &Environment, problems: &mut Diagnostics) -> Vec<Ready> {
    let local = local(environment);
    // without any host there are mistakes already; those in this file are told with them
    let config = if hosts.is_empty() || hosts.iter().any(|host| matches!(host.connect, Connect::Ssh { .. })) {
        load(environment, &local, problems)
    } else {
        SshConfig::default()
    };
    let (mut ready, mut named) = (Vec::new(), BTreeSet::new());
    for host in hosts {
        match target(&host, &config, &local) {
            Err(errors) => {
                // one file, many hosts: the same mistake is told once
                for error in errors.0 {
                    if !problems.0.contains(&error) {
                        problems.push(error);
                    }
                }
            }
            Ok(target) => {
                let not_honoured = target.iter().flat_map(|target| &target.host.not_honoured);
                for setting in not_honoured.filter(|setting| named.insert(setting.keyword)) {
                    let warning = Diagnostic::warning(format!("`{}` has no effect", setting.keyword));
                    problems.push(warning.at(setting.place.clone()));
                }
                ready.push(Ready { host, target });
            }
        }
    }
    ready
}

fn load(environment: &Environment, local: &Local, problems: &mut Diagnostics) -> SshConfig {
    let files =
        ConfigFiles { user: Some(environment.home.join(".ssh/config")), system: Some("/etc/ssh/ssh_config".into()), must_exist: false };
    match SshConfig::load(&files, local) {
        Ok((config, warnings)) => {
            problems.extend(warnings);
            config
        }
        Err(errors) => {
            problems.extend(errors);
            SshConfig::default()
        }
    }
}

fn target(host: &ResolvedHost, config: &SshConfig, local: &Local) -> Result<Option<Target>, Diagnostics> {
    let Connect::Ssh { address, port, user, private_key, timeout, accept_new, arguments, .. } = &host.connect else { return Ok(None) };
    // of two with the same keyword the first counts
    let accept_new = accept_new.then(|| "StrictHostKeyChecking=accept-new".to_owned());
    let timeout = timeout.iter().map(|timeout| format!("ConnectTimeout={}", timeout.as_secs()));
    let options: Vec<String> = accept_new.into_iter().chain(timeout).chain(arguments.options.iter().cloned()).collect();
    let key = private_key.iter().map(|key| key.display().to_string());
    let keys: Vec<String> = key.chain(arguments.identity_files.iter().cloned()).collect();
    let lookup = Lookup { host: address, user: user.as_deref(), port: *port, options: &options, identity_files: &keys };
    Target::resolve(config, &lookup, local, &mut run).map(Some).map_err(|errors| {
        // an option stands in the inventory, which is where a person looks for it
        let found_again = errors.0.into_iter().map(|error| {
            let place = error.place.as_ref().and_then(|place| arguments.place_of(place));
            Diagnostic { place: place.or(error.place), ..error }
        });
        Diagnostics(found_again.collect())
    })
}

/// `Match exec`: the user's own command from the user's own file.
fn run(command: &str) -> bool {
    let status = Command::new("/bin/sh").arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn local(environment: &Environment) -> Local {
    let text = |text: &std::ffi::OsStr| text.to_str().map(str::to_owned);
    Local {
        home: environment.home.display().to_string(),
        user: environment.user.clone(),
        uid: environment.uid,
        host_name: environment.host_name.clone(),
        env: environment.variables.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect(),
    }
}
