//! What the real program made of the same files, and what people are told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::*;

/// A project and a home in a directory of their own.
struct Place {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { root: tempfile::tempdir().unwrap(), variables: Vec::new() };
        for directory in ["project", "home"] {
            std::fs::create_dir(place.path(directory)).unwrap();
        }
        files.iter().for_each(|(path, text)| place.write(path, text.replace("{ROOT}", &place.root()).as_bytes()));
        place
    }

    fn project(text: &str) -> Self {
        Self::new(&[("project/ansible.cfg", text)])
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.replace("{ROOT}", &self.root())));
        self
    }

    fn open_to_all(self) -> Self {
        std::fs::set_permissions(self.path("project"), std::fs::Permissions::from_mode(0o777)).unwrap();
        self
    }

    fn root(&self) -> String {
        self.root.path().canonicalize().unwrap().display().to_string()
    }

    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(self.root()).join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), bytes).unwrap();
    }

    fn environment(&self) -> Environment {
        let home = ("HOME".to_owned(), self.path("home").display().to_string());
        let variables: BTreeMap<OsString, OsString> =
            self.variables.iter().chain([&home]).map(|(name, value)| (name.into(), value.into())).collect();
        Environment {
            arguments: Vec::new(),
            variables,
            working_dir: self.path("project"),
            home: self.path("home"),
            user: "pat".into(),
            uid: 1000,
            host_name: "here".into(),
            cache_dir: "/nowhere".into(),
            state_dir: self.path("home"),
            no_colour: true,
            dumb_terminal: false,
            stdout_terminal: false,
            stderr_terminal: false,
            pid: 1,
        }
    }

    fn read(&self) -> (Settings, Diagnostics) {
        let mut problems = Diagnostics::new();
        let settings = read_with(&self.environment(), &self.path("etc/ansible.cfg"), &mut problems);
        (settings, problems)
    }

    /// What a person is told.
    fn told(&self) -> String {
        self.read().1.to_string().replace(&self.root(), "{ROOT}")
    }
}

/// The settings by Ansible's names.
fn values(settings: &Settings) -> BTreeMap<&'static str, Value> {
    let mut found = BTreeMap::new();
    let Settings { file: _, home, inventory, roles_path, collections_path, remote_user, remote_port, private_key_file, forks, .. } =
        settings;
    let mut add = |name, value: Option<Value>| {
        if let Some(value) = value {
            found.insert(name, value);
        }
    };
    fn of<T>(setting: &Option<Setting<T>>) -> Option<Value>
    where
        T: serde::Serialize,
    {
        setting.as_ref().map(|setting| json!(setting.value))
    }
    add("ANSIBLE_HOME", of(home));
    add("DEFAULT_HOST_LIST", of(inventory));
    add("DEFAULT_ROLES_PATH", of(roles_path));
    add("COLLECTIONS_PATHS", of(collections_path));
    add("DEFAULT_REMOTE_USER", of(remote_user));
    add("DEFAULT_REMOTE_PORT", of(remote_port));
    add("DEFAULT_PRIVATE_KEY_FILE", of(private_key_file));
    add("DEFAULT_FORKS", of(forks));
    add("timeout", settings.timeout.as_ref().map(|timeout| json!(timeout.value.as_secs())));
    add("host_key_checking", of(&settings.host_key_checking));
    add("DEFAULT_VAULT_PASSWORD_FILE", of(&settings.vault_password_file));
    add("DEFAULT_VAULT_IDENTITY_LIST", of(&settings.vault_identity_list));
    add("DEFAULT_VAULT_IDENTITY", of(&settings.vault_identity));
    add("DEFAULT_ASK_VAULT_PASS", of(&settings.ask_vault_pass));
    add("DEFAULT_ASK_PASS", of(&settings.ask_pass));
    add("CONNECTION_PASSWORD_FILE", of(&settings.connection_password_file));
    add("ERROR_ON_MISSING_HANDLER", of(&settings.error_on_missing_handler));
    let hash = settings.hash_behaviour.as_ref().map(|hash| json!(if hash.value == HashBehaviour::Merge { "merge" } else { "replace" }));
    add("DEFAULT_HASH_BEHAVIOUR", hash);
    let gathering = settings.gathering.as_ref().map(|gathering| json!(format!("{:?}", gathering.value).to_lowercase()));
    add("DEFAULT_GATHERING", gathering);
    add("DEFAULT_TRANSPORT", of(&settings.transport));
    add("DEFAULT_BECOME", of(&settings.becomes));
    add("DEFAULT_BECOME_METHOD", of(&settings.become_method));
    add("DEFAULT_BECOME_USER", of(&settings.become_user));
    add("DEFAULT_BECOME_ASK_PASS", of(&settings.become_ask_pass));
    add("BECOME_PASSWORD_FILE", of(&settings.become_password_file));
    add("ssh_args", of(&settings.ssh_args));
    add("ssh_common_args", of(&settings.ssh_common_args));
    add("ssh_extra_args", of(&settings.ssh_extra_args));
    found
}

#[test]
fn as_ansible_reads_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/ansible_cfg.json");
    let records: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = records["cases"].as_array().unwrap();
    assert!(cases.len() >= 20);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for case in cases {
        let name = &case["name"];
        let files: Vec<(String, String)> =
            case["files"].as_object().unwrap().iter().map(|(path, held)| (path.clone(), text(held))).collect();
        let mut place = Place::new(&files.iter().map(|(path, held)| (path.as_str(), held.as_str())).collect::<Vec<_>>());
        for (variable, value) in case["variables"].as_object().unwrap() {
            place = place.variable(variable, &text(value));
        }
        if case["note"] == "open" {
            place = place.open_to_all();
        }
        let (settings, problems) = place.read();
        if case["note"] == "stricter" || case.get("error").is_some() {
            assert!(problems.has_errors(), "{name}: {:?}", values(&settings));
            assert!(
                problems.0.iter().all(|problem| problem.level == crate::diagnostics::Level::Warning || problem.hint.is_some()),
                "{name}"
            );
            continue;
        }
        assert!(!problems.has_errors(), "{name}:\n{problems}");
        let mut expected = case["values"].as_object().unwrap().clone();
        // beside the project it goes by its name alone, in the home by `~`
        let full = |file: &str| match file.replace(&place.root(), "{ROOT}").replace("~/", "{ROOT}/home/") {
            whole if whole.starts_with('{') => whole,
            name => format!("{{ROOT}}/project/{name}"),
        };
        let file = settings.file.as_ref().map(|file| full(&file.name));
        assert_eq!(json!(file), expected.remove("CONFIG_FILE").unwrap(), "{name}");
        let found = serde_json::to_string(&values(&settings)).unwrap().replace(&place.root(), "{ROOT}");
        let found: BTreeMap<String, Value> = serde_json::from_str(&found).unwrap();
        assert_eq!(json!(found), Value::Object(expected), "{name}");
    }
}

#[test]
fn each_value_knows_where_it_was_set() {
    let place = Place::project("[defaults]\ninventory =\n  a.yml,\n  b.yml\nforks = 5 ; why\n").variable("ANSIBLE_TIMEOUT", "7");
    let (settings, problems) = place.read();
    assert_eq!(problems, Diagnostics::new());
    let inventory = settings.inventory.unwrap().place;
    assert_eq!(inventory.to_string(), "ansible.cfg:3:3");
    assert_eq!(&inventory.source.text[inventory.span], "a.yml,\n  b.yml");
    let forks = settings.forks.unwrap().place;
    assert_eq!(&forks.source.text[forks.span], "5");
    let timeout = settings.timeout.unwrap();
    assert_eq!((timeout.place.to_string().as_str(), timeout.value), ("ANSIBLE_TIMEOUT:1:1", Duration::from_secs(7)));
}

#[test]
fn all_that_is_wrong_with_a_text_at_once() {
    let place = Place::project(
        "forks = 1\ntimeout = 2\n[defaults]\nforks = many\nforks = 6\nno setting\n= 7\n[ssh_connection]\n[defaults]\nask_pass = ture\n\
         private_key_file = \"~/k\"\nroles_path = ~pat/roles\nremote_port = 22 # the usual\ntimeout = 3\n  remote_user = x\nhash_behaviour = marge\n",
    );
    insta::assert_snapshot!(place.variable("ANSIBLE_BECOME", "perhaps").told());
}

#[test]
fn what_has_no_effect_is_named_once_and_what_is_missed_by_itself() {
    let place = Place::project(
        "[defaults]\nnocows = 1\npipelining = True\ngathering = smart\nstdout_callback = yaml\nretry_files_enabled = False\n\
         inventory_ignore_patterns = x\nerror_on_undefined_vars = True\njinja2_extensions = jinja2.ext.do\nforce_handlers = True\n\
         froks = 5\nbecome = True\ncallback_whitelist = timer\nfrobnicate = 1\n\
         [inventory]\nenable_plugins = \"host_list\", script, auto, yaml, ini, toml\n[ssh]\nssh_args = -4\n[callback_profile_tasks]\ntask_output_limit = 20\n",
    );
    insta::assert_snapshot!(
        place
            .variable("ANSIBLE_INVENTORY_ENABLED", "ini")
            .variable("ANSIBLE_JINJA2_NATIVE", "yes")
            .variable("ANSIBLE_FORCE_HANDLERS", "")
            .told()
    );
}

#[test]
fn lines_with_passwords_are_not_shown() {
    let place = Place::project("[sudo_become_plugin]\npassword = s3cret\npassword = s3cret\nuser = x\n[galaxy_server.a]\ntoken s3cret\n");
    let told = place.variable("ANSIBLE_BECOME_FLAGS", "s3cret").told();
    assert!(told.contains("ansible.cfg:3:1") && told.contains("ansible.cfg:6:1") && told.contains("`user` has no effect"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn files_that_are_not_read() {
    let mut told = Vec::new();
    let config = "[defaults]\nforks = 5\n";
    told.push(Place::project(config).open_to_all().told());
    told.push(Place::project(config).variable("ANSIBLE_CONFIG", "~/gone.cfg").told());
    told.push(Place::new(&[]).variable("ANSIBLE_CONFIG", "gone").told());
    told.push(Place::new(&[("home/a.yaml", config)]).variable("ANSIBLE_CONFIG", "~/a.yaml").told());
    told.push(Place::project(&"# long\n".repeat(200_000)).told());
    let place = Place::new(&[]);
    place.write("project/ansible.cfg", b"[defaults]\nremote_user = \xfcber\n");
    told.push(place.told());
    let place = Place::new(&[]);
    std::fs::create_dir(place.path("project/ansible.cfg")).unwrap();
    told.push(place.told());
    told.push(Place::project("\u{feff}[defaults]\nforks = 5\n").told());
    told.push(Place::project("[defaults]\ninventory = hosts,\n").told());
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn the_whole_machines_file_comes_last() {
    let place = Place::new(&[("etc/ansible.cfg", "[defaults]\nforks = 9\ninventory = hosts\n")]);
    let (settings, problems) = place.read();
    assert_eq!(problems, Diagnostics::new());
    assert_eq!(settings.inventory.unwrap().value, [place.path("etc/hosts").display().to_string()]);
    assert_eq!(settings.forks.unwrap().value, 9);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([\\[\\]a-c=:;# \t\"'\u{e4}\u{a0}]|\r?\n|forks|\\[defaults\\]\n){0,40}") {
        let source = Source::new("x", text.as_str());
        let file = file::parse(&source, &mut Diagnostics::new());
        for entry in &file.entries {
            let key = text.get(entry.key_place.span.clone());
            proptest::prop_assert_eq!(key.map(str::to_lowercase), Some(entry.key.clone()));
            let value = text.get(entry.place.span.clone()).unwrap_or_default();
            proptest::prop_assert!(entry.value.is_empty() || value.lines().next().is_some_and(|line| entry.value.trim().starts_with(line.split(';').next().unwrap_or("").trim())));
        }
    }
}
