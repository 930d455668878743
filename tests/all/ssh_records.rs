//! What our reading of ssh_config gives, against what the real `ssh` was recorded to do.
//!
//! The records are made by `make oracle`; no ssh program is needed here.

#[path = "../oracle/ssh/config_cases.rs"]
mod config_cases;
#[path = "../oracle/ssh/record.rs"]
pub mod record;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use homelabctl::diagnostics::{Diagnostics, Level};
use homelabctl::transport::ssh_config::{AddressFamily, ConfigFiles, HostConfig, Local, Lookup, Proxy, SshConfig, StrictHostKeyChecking};
use record::{ConfigAnswer, ConfigInput, ConfigRecord, ConfigRecords, DEFAULTS, HOME, HOST_NAME, Settings, USER};

/// The records under that name.
pub fn records<R: serde::de::DeserializeOwned>(name: &str) -> R {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/ssh").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Files that stand for those of a recorded case, in a directory of their own.
struct Stage {
    root: tempfile::TempDir,
}

impl Stage {
    fn new(input: &ConfigInput) -> Self {
        let stage = Self { root: tempfile::tempdir().unwrap() };
        stage.write("/home/me/.ssh/config", &input.config);
        stage.write("/etc/ssh/ssh_config", &input.system);
        for (path, text) in &input.files {
            stage.write(path, text);
        }
        stage
    }

    fn real(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.real(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // What is included has to be found here; other paths are only named.
        let here = self.real(HOME).display().to_string();
        let staged = |line: &str| if line.contains("Include") { line.replace(HOME, &here) } else { line.to_owned() };
        fs::write(&path, text.split_inclusive('\n').map(staged).collect::<String>()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A path or a command as it would be outside of the stage.
    fn outside(&self, text: impl AsRef<str>) -> String {
        text.as_ref().replace(&self.root.path().display().to_string(), "")
    }

    fn resolve(&self, input: &ConfigInput) -> Result<HostConfig, Diagnostics> {
        let local = Local {
            home: self.real(HOME).display().to_string(),
            user: USER.into(),
            uid: 0,
            host_name: HOST_NAME.into(),
            env: input.env.clone(),
        };
        let files = ConfigFiles {
            user: Some(self.real("/home/me/.ssh/config")),
            system: Some(self.real("/etc/ssh/ssh_config")),
            must_exist: false,
        };
        // The files belong to whoever runs the tests.
        let owner = Local { uid: rustix::process::getuid().as_raw(), ..local.clone() };
        let (config, _) = SshConfig::load(&files, &owner)?;
        let lookup = Lookup {
            host: &input.host,
            user: input.user.as_deref(),
            port: input.port,
            options: &input.options,
            identity_files: &input.identity_files,
        };
        config.resolve(&lookup, &local, &mut |command| Command::new("sh").arg("-c").arg(self.outside(command)).status().unwrap().success())
    }
}

fn joined(paths: &[PathBuf]) -> String {
    let all: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(" ") }
}

fn yes(value: bool) -> String {
    if value { "yes".to_owned() } else { "no".to_owned() }
}

fn seconds(time: Option<Duration>) -> u64 {
    time.map_or(0, |time| time.as_secs())
}

/// Our settings in the words of `ssh -G`.
fn as_ssh_shows(stage: &Stage, input: &ConfigInput, config: &HostConfig) -> BTreeMap<String, Vec<String>> {
    let strict = match config.strict_host_key_checking {
        StrictHostKeyChecking::Yes => "true",
        StrictHostKeyChecking::No => "false",
        StrictHostKeyChecking::Ask => "ask",
        StrictHostKeyChecking::AcceptNew => "accept-new",
    };
    let family = match config.address_family {
        AddressFamily::Any => "any",
        AddressFamily::Inet => "inet",
        AddressFamily::Inet6 => "inet6",
    };
    let mut lines: Vec<(&str, String)> = vec![
        ("host", config.original.clone()),
        ("hostname", config.host_name.clone()),
        ("port", config.port.to_string()),
        ("user", config.user.clone()),
        ("addressfamily", family.into()),
        ("batchmode", yes(config.batch_mode)),
        ("connectionattempts", config.connection_attempts.to_string()),
        ("connecttimeout", config.connect_timeout.map_or("none".into(), |time| time.as_secs().to_string())),
        ("globalknownhostsfile", joined(&config.global_known_hosts_files)),
        ("userknownhostsfile", joined(&config.user_known_hosts_files)),
        ("hashknownhosts", yes(config.hash_known_hosts)),
        ("identitiesonly", yes(config.identities_only)),
        ("kbdinteractiveauthentication", yes(config.kbd_interactive_authentication)),
        ("passwordauthentication", yes(config.password_authentication)),
        ("pubkeyauthentication", config.pubkey_authentication.to_string()),
        ("numberofpasswordprompts", config.number_of_password_prompts.to_string()),
        ("serveralivecountmax", config.server_alive_count_max.to_string()),
        ("serveraliveinterval", seconds(config.server_alive_interval).to_string()),
        ("stricthostkeychecking", strict.into()),
        ("tcpkeepalive", yes(config.tcp_keep_alive)),
    ];
    lines.extend(config.bind_address.iter().map(|address| ("bindaddress", address.clone())));
    lines.extend(config.host_key_alias.iter().map(|alias| ("hostkeyalias", alias.clone())));
    lines.extend(config.preferred_authentications.iter().map(|methods| ("preferredauthentications", methods.join(","))));
    lines.extend(config.certificate_files.iter().map(|path| ("certificatefile", path.display().to_string())));
    // ssh shows the agent as it is written, and looks the variable up later; without the keyword it shows nothing.
    if input.config.contains("IdentityAgent") {
        lines.push(("identityagent", config.identity_agent.as_ref().map_or("none".into(), |path| path.display().to_string())));
    }
    if let Proxy::Jump(hops) = &config.proxy {
        let hop = |hop: &homelabctl::transport::ssh_config::Hop| {
            let numeric = hop.host.contains(':') || hop.host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let host = if numeric { format!("[{}]", hop.host) } else { hop.host.clone() };
            let user = hop.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
            format!("{user}{host}{}", hop.port.map_or(String::new(), |port| format!(":{port}")))
        };
        lines.push(("proxyjump", hops.iter().map(hop).collect::<Vec<_>>().join(",")));
    }
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (keyword, value) in lines {
        shown.entry(keyword.to_owned()).or_default().push(stage.outside(value));
    }
    shown
}

/// What ssh showed, with what it left to be looked up later.
fn wanted(input: &ConfigInput, settings: &Settings, defaults: &Settings) -> BTreeMap<String, Vec<String>> {
    let mut wanted = defaults.g.clone();
    wanted.extend(settings.g.clone());
    for (keyword, values) in &mut wanted {
        for value in values {
            match keyword.as_str() {
                "identityagent" if value == "SSH_AUTH_SOCK" => *value = input.env["SSH_AUTH_SOCK"].clone(),
                "identityagent" => {
                    if let Some(name) = value.strip_prefix('$') {
                        *value = input.env[name].clone();
                    }
                }
                // These are shown before `~` and tokens are expanded.
                "globalknownhostsfile" => *value = value.replace("~/", "/home/me/").replace("None", "none"),
                "proxyjump" => *value = value.replace("%n", &input.host),
                "pubkeyauthentication" if value == "host-bound" => *value = "true".into(),
                _ => {}
            }
        }
    }
    wanted
}

fn compare(record: &ConfigRecord, defaults: &Settings) -> Result<(), String> {
    let stage = Stage::new(&record.input);
    let ours = stage.resolve(&record.input);
    match (&record.answer, ours) {
        (ConfigAnswer::Refused(said), Err(ours)) => same_place(&stage, said, &ours),
        (ConfigAnswer::Refused(said), Ok(_)) => Err(format!("ssh refused: {said:?}")),
        (ConfigAnswer::Settings(_), Err(ours)) => Err(format!("we refused:\n{ours}")),
        (ConfigAnswer::Settings(settings), Ok(config)) => {
            let (wanted, shown) = (wanted(&record.input, settings, defaults), as_ssh_shows(&stage, &record.input, &config));
            if wanted != shown {
                let differ = wanted.keys().chain(shown.keys()).filter(|keyword| wanted.get(*keyword) != shown.get(*keyword));
                let lines: Vec<String> =
                    differ.map(|keyword| format!("{keyword}: ssh {:?}, we {:?}", wanted.get(keyword), shown.get(keyword))).collect();
                return Err(lines.join("\n"));
            }
            let keys: Vec<String> = config.identity_files.iter().map(|file| stage.outside(file.path.display().to_string())).collect();
            let wanted = settings.identity_files.as_ref().or(defaults.identity_files.as_ref()).unwrap();
            if keys != *wanted {
                return Err(format!("keys: ssh {wanted:?}, we {keys:?}"));
            }
            let command = match &config.proxy {
                Proxy::Command(command) => Some(command),
                Proxy::None | Proxy::Jump(_) => None,
            };
            if command != settings.proxy_command.as_ref() {
                return Err(format!("proxy: ssh {:?}, we {command:?}", settings.proxy_command));
            }
            Ok(())
        }
    }
}

/// Where ssh names a line, we name the same one.
fn same_place(stage: &Stage, said: &[String], ours: &Diagnostics) -> Result<(), String> {
    let place = said.iter().find_map(|line| {
        let (file, rest) = line.split_once(" line ")?;
        let number: usize = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        (number > 0).then(|| (file.trim_end_matches(':').to_owned(), number))
    });
    let Some(place) = place else { return Ok(()) };
    let errors = ours.0.iter().filter(|error| error.level == Level::Error);
    let places: Vec<(String, usize)> =
        errors.filter_map(|error| error.place.as_ref()).map(|place| (stage.outside(&*place.source.name), place.line_column().0)).collect();
    if places.contains(&place) { Ok(()) } else { Err(format!("ssh names {place:?}, we {places:?}:\n{ours}")) }
}

#[test]
fn ssh_config_gives_what_ssh_was_recorded_to_do() {
    let records: ConfigRecords = records("config.json");
    let defaults = records.cases.iter().find_map(|record| match &record.answer {
        ConfigAnswer::Settings(settings) if record.input.name == DEFAULTS => Some(settings),
        _ => None,
    });
    let defaults = defaults.unwrap();
    let wrong: Vec<String> = records
        .cases
        .iter()
        .filter_map(|record| compare(record, defaults).err().map(|why| format!("## {} ({})\n{why}", record.input.name, records.ssh)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), records.cases.len(), wrong.join("\n"));
}

#[test]
fn every_case_of_ssh_config_has_been_recorded() {
    let records: ConfigRecords = records("config.json");
    let recorded: Vec<String> = records.cases.iter().map(|record| serde_json::to_string(&record.input).unwrap()).collect();
    let cases: Vec<String> = config_cases::all().iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    assert!(recorded == cases, "the cases have changed: run `make oracle`");
    assert!(cases.len() >= 60);
}
