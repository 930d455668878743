//! One host's way through the lines: which blocks apply, and what they set.

use super::expand;
use super::file::{self, CriterionKind, Item, Line};
use super::load::{Owner, SshConfig};
use super::options::Options;
use super::tokens::Tokens;
use super::types::{HostConfig, Local, Lookup};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::transport::pattern::{self, ListMatch};

impl SshConfig {
    /// What holds for one host: command line, user's file, system's file, defaults.
    ///
    /// `run_exec` runs the command of a `Match exec` by the user's shell and says whether it ended with status 0.
    ///
    /// # Errors
    /// Unknown keywords, values that cannot be expanded, names that could be taken for options or shell text.
    pub fn resolve(&self, lookup: &Lookup<'_>, local: &Local, run_exec: &mut dyn FnMut(&str) -> bool) -> Result<HostConfig, Diagnostics> {
        let mut walk = Walk {
            lookup,
            local,
            run_exec,
            options: Options::default(),
            errors: Diagnostics::new(),
            host: lookup.host.to_owned(),
            second_reading: false,
        };
        walk.command_line();
        walk.all_files(self);
        let host = walk.canonical_host();
        if self.files.iter().any(|(_, lines)| wants_second_reading(lines)) {
            walk.host.clone_from(&host);
            walk.second_reading = true;
            walk.all_files(self);
        }
        let config = expand::finish(&walk.options, lookup, local, &host, &mut walk.errors);
        if walk.errors.has_errors() { Err(walk.errors) } else { Ok(config) }
    }
}

/// `Match final` anywhere, even where it does not apply, has the files read twice.
fn wants_second_reading(lines: &[Line]) -> bool {
    lines.iter().any(|line| match &line.item {
        Item::Match(criteria) => criteria.iter().any(|criterion| criterion.kind == CriterionKind::Final),
        Item::Include(_, files) => files.iter().any(|lines| wants_second_reading(lines)),
        _ => false,
    })
}

struct Walk<'a> {
    lookup: &'a Lookup<'a>,
    local: &'a Local,
    run_exec: &'a mut dyn FnMut(&str) -> bool,
    options: Options,
    errors: Diagnostics,
    /// What `Host` is compared with.
    host: String,
    second_reading: bool,
}

impl Walk<'_> {
    fn command_line(&mut self) {
        self.options.user = self.lookup.user.map(str::to_owned);
        self.options.port = self.lookup.port;
        for path in self.lookup.identity_files {
            self.options.add_identity_file(path);
        }
        for option in self.lookup.options {
            let source = Source::new("-o", option.as_str());
            match file::parse_line(&source, 0, option.trim_end()) {
                Ok(Some(Line { item: Item::Host(_) | Item::Match(_) | Item::Include(..), place })) => {
                    self.errors.push(Diagnostic::error("only files can have blocks and includes").at(place));
                }
                Ok(Some(line)) => self.line(&line, true, Owner::User),
                Ok(None) => {}
                Err(diagnostic) => self.errors.push(*diagnostic),
            }
        }
        // ssh's own two checks against a host or user that a shell would take for more than a name.
        if !is_harmless_host(self.lookup.host) {
            self.errors.push(Diagnostic::error(format!("`{}` is no host name: it has characters that shells act on", self.lookup.host)));
        }
        if let Some(user) = self.options.user.as_deref().filter(|user| !is_harmless_user(user)) {
            self.errors.push(Diagnostic::error(format!("`{user}` is no user name: it has characters that shells act on")));
        }
    }

    fn all_files(&mut self, config: &SshConfig) {
        for (owner, lines) in &config.files {
            self.lines(lines, true, false, *owner);
        }
    }

    /// Walks through a file. `applies`: what stands before its first block counts. `never`: nothing in it does,
    /// because it is included where nothing counts.
    fn lines(&mut self, lines: &[Line], mut applies: bool, never: bool, owner: Owner) {
        for line in lines {
            match &line.item {
                Item::Host(patterns) => applies = !never && self.host_matches(patterns),
                Item::Match(criteria) => applies = !never && self.criteria_match(criteria, &line.place),
                Item::Include(_, files) => {
                    for included in files {
                        self.lines(included, applies, !applies, owner);
                    }
                }
                _ => self.line(line, applies, owner),
            }
        }
    }

    fn line(&mut self, line: &Line, applies: bool, owner: Owner) {
        match &line.item {
            Item::Set(setting) if applies => self.options.set(setting, &line.place, owner == Owner::User),
            Item::NotHonoured(keyword) if applies => self.options.note_not_honoured(keyword, &line.place),
            // Like ssh, even in a block that does not apply; the files are not read twice for it.
            Item::Unknown(name, similar) if !self.second_reading => {
                let ignored = self.options.ignore_unknown.as_deref().unwrap_or_default().to_ascii_lowercase();
                if pattern::matches_list(name, &ignored) != ListMatch::Yes {
                    self.errors.push(unknown(name, *similar, &line.place));
                }
            }
            _ => {}
        }
    }

    fn host_matches(&self, patterns: &[(bool, String)]) -> bool {
        let mut found = false;
        for (negated, pattern) in patterns {
            if pattern::matches(&self.host, pattern) {
                if *negated {
                    return false;
                }
                found = true;
            }
        }
        found
    }

    fn criteria_match(&mut self, criteria: &[file::Criterion], place: &Place) -> bool {
        let host = self.host_so_far(place);
        let user = self.options.user.clone().unwrap_or_else(|| self.local.user.clone());
        let mut result = true;
        for criterion in criteria {
            let holds = match &criterion.kind {
                CriterionKind::All => true,
                CriterionKind::Canonical | CriterionKind::Final => self.second_reading,
                CriterionKind::Host(list) => pattern::matches_host_list(&host, list) == ListMatch::Yes,
                CriterionKind::OriginalHost(list) => pattern::matches_host_list(self.lookup.host, list) == ListMatch::Yes,
                CriterionKind::User(list) => pattern::matches_list(&user, list) == ListMatch::Yes,
                CriterionKind::LocalUser(list) => pattern::matches_list(&self.local.user, list) == ListMatch::Yes,
                // A command is not run once the line has failed.
                CriterionKind::Exec(_) if !result => false,
                CriterionKind::Exec(command) => match self.exec_tokens(&host, &user).expand(command) {
                    Ok(command) => (self.run_exec)(&command),
                    Err(why) => {
                        self.errors.push(Diagnostic::error(format!("`Match exec`: {why}")).at(place.clone()));
                        false
                    }
                },
                CriterionKind::NotHonoured(name) => {
                    self.options.note_not_honoured(name, place);
                    result = false;
                    false
                }
            };
            result &= holds != criterion.negated;
        }
        result
    }

    /// The host name as far as the lines before have set it.
    fn host_so_far(&mut self, place: &Place) -> String {
        match &self.options.host_name {
            _ if self.second_reading => self.host.clone(),
            None => self.lookup.host.to_owned(),
            Some(set) => expand::host_tokens(self.lookup.host).expand(&set.value).unwrap_or_else(|why| {
                self.errors.push(Diagnostic::error(format!("`HostName`: {why}")).at(place.clone()));
                self.lookup.host.to_owned()
            }),
        }
    }

    fn exec_tokens(&self, host: &str, user: &str) -> Tokens {
        let port = self.options.port.unwrap_or(22);
        let jump = self.options.jumps().last().map(|hop| hop.host.as_str());
        let alias = self.options.host_key_alias.clone().unwrap_or_else(|| host.to_owned());
        expand::all_tokens(&expand::Names { host, original: self.lookup.host, user, port, alias: &alias, jump }, self.local)
    }

    /// The host to connect to: `HostName` expanded, small letters, addresses as they are usually written.
    fn canonical_host(&mut self) -> String {
        let expanded = match &self.options.host_name {
            None => Ok(self.lookup.host.to_owned()),
            Some(set) => expand::host_tokens(self.lookup.host)
                .expand(&set.value)
                .map_err(|why| Diagnostic::error(format!("`HostName`: {why}")).at(set.place.clone())),
        };
        match expanded {
            Ok(host) => expand::canonical_address(&host).unwrap_or_else(|| host.to_ascii_lowercase()),
            Err(error) => {
                if !self.errors.0.contains(&error) {
                    self.errors.push(error);
                }
                self.lookup.host.to_ascii_lowercase()
            }
        }
    }
}

fn unknown(name: &str, similar: Option<&str>, place: &Place) -> Diagnostic {
    let error = Diagnostic::error(format!("`{name}` is no keyword of ssh_config")).at(place.clone());
    match similar {
        Some(similar) => error.label(format!("did you mean `{similar}`?")),
        None => error.hint("if another version of ssh knows it, name it in `IgnoreUnknown` further up"),
    }
}

fn is_harmless_host(host: &str) -> bool {
    let bad = |c: char| "'`\"$\\;&<>|(){}".contains(c) || c.is_ascii_whitespace() || c.is_ascii_control();
    !host.is_empty() && !host.starts_with('-') && !host.contains(bad)
}

fn is_harmless_user(user: &str) -> bool {
    let dash_after_blank = user.as_bytes().windows(2).any(|pair| matches!(pair, [blank, b'-'] if blank.is_ascii_whitespace()));
    !user.starts_with('-') && !user.contains(|c: char| "'`\";&<>|(){}".contains(c)) && !dash_after_blank && !user.ends_with('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str, host: &str) -> Result<HostConfig, Diagnostics> {
        let (config, _) = SshConfig::parse(&[Source::new("config", text)]).unwrap();
        let local = Local { home: "/home/me".into(), user: "me".into(), ..Local::default() };
        config.resolve(&Lookup { host, ..Lookup::default() }, &local, &mut |_| panic!("nothing is to be run"))
    }

    #[test]
    fn what_is_not_honoured_is_named_once_with_its_place_and_only_if_it_applies() {
        let text =
            "Host a\n Compression yes\n MACs x\n Match tagged y\n ForwardAgent yes\nMatch all\n compression yes\n ControlMaster no\n";
        let named = |host| -> Vec<(&str, usize)> {
            let found = resolve(text, host).unwrap().not_honoured;
            found.into_iter().map(|one| (one.keyword, one.place.line_column().0)).collect()
        };
        assert_eq!(named("a"), [("Compression", 2), ("MACs", 3), ("Match tagged", 4)]);
        assert_eq!(named("b"), [("Match tagged", 4), ("Compression", 7)]);
    }

    #[test]
    fn a_misspelt_keyword_is_shown_with_what_was_meant() {
        let error = resolve("Host *\n  IdentiyFile ~/.ssh/id\n", "a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "error: `identiyfile` is no keyword of ssh_config\n --> config:2:3\n  |\n2 |   IdentiyFile ~/.ssh/id\n  |   ^^^^^^^^^^^^^^^^^^^^^ did you mean `identityfile`?"
        );
    }

    #[test]
    fn a_command_is_not_run_where_nothing_applies() {
        // `resolve` panics if something is run.
        assert_eq!(resolve("Match host b exec true\n User u\n", "a").unwrap().user, "me");
    }

    #[test]
    fn all_that_cannot_be_expanded_is_said_at_once() {
        let errors = resolve("IdentityFile /%x\nUserKnownHostsFile ${NOPE}\nProxyCommand nc %q\n", "a").unwrap_err();
        let lines: Vec<usize> = errors.0.iter().filter_map(|error| error.place.as_ref()).map(|place| place.line_column().0).collect();
        assert_eq!(lines, [1, 3, 2]);
    }
}
