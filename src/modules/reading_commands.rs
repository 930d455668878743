//! Commands that can only read, so that they may run in check mode too.
//!
//! One table, and it is short on purpose: what is not in it is taken for something that changes things. A program is here
//! only in forms in which none of its options, abbreviated or not, makes it write, run something else or never end.

/// How a program must be called so that it only reads.
enum Form {
    /// However it is called.
    Always,
    /// With none of these options. Long ones are meant in all their abbreviations, a short one in any cluster.
    Without(&'static [&'static str]),
    /// With no argument that begins so: for programs with long options behind one dash.
    WithoutWords(&'static [&'static str]),
    /// With exactly these arguments.
    Exactly(&'static [&'static str]),
    /// With no arguments but these options.
    OnlyOptions(&'static [&'static str]),
    /// With options of the list only, and operands in which no such text is.
    OptionsAnd(&'static [&'static str], &'static str),
    /// With one of these as the first argument, and no further options but those that are like it.
    First(&'static [&'static str]),
    /// With one of these subcommands; `$` at the end means that nothing may follow.
    Subcommand(&'static Subcommands),
}

/// A program's subcommands.
struct Subcommands {
    /// Each as its words.
    names: &'static [&'static [&'static str]],
    /// Options without a value that may stand before it.
    flags: &'static [&'static str],
    /// Options with a value that may stand before it.
    valued: &'static [&'static str],
    /// Options that must stand nowhere.
    without: &'static [&'static str],
}

use Form::{Always, Exactly, First, OnlyOptions, OptionsAnd, Subcommand, Without, WithoutWords};

const NONE: Subcommands = Subcommands { names: &[], flags: &[], valued: &[], without: &[] };

const KUBECTL: Subcommands = Subcommands {
    names: &[
        &["api-resources"],
        &["api-versions"],
        &["auth", "can-i"],
        &["auth", "whoami"],
        &["cluster-info", "$"],
        &["config", "current-context"],
        &["config", "get-clusters"],
        &["config", "get-contexts"],
        &["config", "get-users"],
        &["config", "view"],
        &["describe"],
        &["explain"],
        &["get"],
        &["logs"],
        &["top"],
        &["version"],
    ],
    valued: &["--kubeconfig", "--namespace", "-n", "--context", "--cluster", "--user", "--server", "-s", "--request-timeout"],
    without: &["-f", "-w", "--follow", "--watch", "--watch-only", "--profile", "--profile-output", "--log-file", "--log-dir"],
    ..NONE
};
const SYSTEMCTL: Subcommands = Subcommands {
    names: &[
        &["cat"],
        &["get-default"],
        &["is-active"],
        &["is-enabled"],
        &["is-failed"],
        &["is-system-running"],
        &["list-dependencies"],
        &["list-jobs"],
        &["list-sockets"],
        &["list-timers"],
        &["list-unit-files"],
        &["list-units"],
        &["show"],
        &["show-environment"],
        &["status"],
    ],
    flags: &[
        "--user",
        "--system",
        "--quiet",
        "-q",
        "--no-pager",
        "--all",
        "-a",
        "--full",
        "-l",
        "--no-legend",
        "--plain",
        "--failed",
        "--value",
    ],
    valued: &["-p", "--property", "-t", "--type"],
    without: &["--wait"],
};
const IP: Subcommands = Subcommands {
    names: &[
        &["a", "$"],
        &["a", "show"],
        &["addr", "$"],
        &["addr", "list"],
        &["addr", "ls"],
        &["addr", "show"],
        &["address", "$"],
        &["address", "list"],
        &["address", "show"],
        &["l", "$"],
        &["l", "show"],
        &["link", "$"],
        &["link", "list"],
        &["link", "ls"],
        &["link", "show"],
        &["n", "$"],
        &["neigh", "$"],
        &["neigh", "show"],
        &["neighbour", "show"],
        &["netns", "$"],
        &["netns", "list"],
        &["r", "$"],
        &["r", "show"],
        &["route", "$"],
        &["route", "get"],
        &["route", "list"],
        &["route", "ls"],
        &["route", "show"],
        &["ru", "$"],
        &["rule", "$"],
        &["rule", "list"],
        &["rule", "show"],
    ],
    flags: &["-4", "-6", "-br", "-brief", "-o", "-oneline", "-j", "-json", "-p", "-pretty", "-d", "-details", "-s", "-stats", "-N"],
    ..NONE
};
const CRICTL: Subcommands = Subcommands {
    names: &[
        &["image"],
        &["images"],
        &["imagefsinfo"],
        &["info"],
        &["inspect"],
        &["inspecti"],
        &["inspectp"],
        &["logs"],
        &["pods"],
        &["ps"],
        &["version"],
    ],
    valued: &["--runtime-endpoint", "-r", "--image-endpoint", "-i", "--config", "-c", "--timeout", "-t"],
    without: &["-f", "--follow", "--watch", "-w"],
    ..NONE
};
const KUBEADM: Subcommands = Subcommands {
    names: &[&["certs", "check-expiration"], &["config", "images", "list"], &["config", "print"], &["token", "list"], &["version"]],
    valued: &["--kubeconfig"],
    ..NONE
};
const HELM: Subcommands = Subcommands {
    names: &[&["env"], &["get"], &["history"], &["list"], &["ls"], &["repo", "list"], &["status"], &["version"]],
    valued: &["--kubeconfig", "--kube-context", "--namespace", "-n"],
    ..NONE
};
const CTR: Subcommands = Subcommands {
    names: &[
        &["c", "ls"],
        &["containers", "list"],
        &["containers", "ls"],
        &["i", "ls"],
        &["image", "ls"],
        &["images", "list"],
        &["images", "ls"],
        &["namespaces", "list"],
        &["namespaces", "ls"],
        &["ns", "ls"],
        &["version"],
    ],
    valued: &["--address", "-a", "--namespace", "-n"],
    ..NONE
};
const CONTAINERS: Subcommands = Subcommands {
    names: &[
        &["container", "inspect"],
        &["container", "ls"],
        &["image", "inspect"],
        &["image", "ls"],
        &["images"],
        &["info"],
        &["inspect"],
        &["network", "ls"],
        &["ps"],
        &["version"],
        &["volume", "ls"],
    ],
    ..NONE
};
const ETCDCTL: Subcommands = Subcommands {
    names: &[&["endpoint", "health"], &["endpoint", "status"], &["get"], &["member", "list"], &["version"]],
    valued: &["--endpoints", "--cacert", "--cert", "--key", "--dial-timeout", "--command-timeout", "-w", "--write-out"],
    ..NONE
};
const APT_CACHE: Subcommands = Subcommands {
    names: &[&["depends"], &["madison"], &["pkgnames"], &["policy"], &["rdepends"], &["search"], &["show"], &["showpkg"], &["stats"]],
    without: &["-o", "--option", "-c", "--config-file", "-p", "--pkg-cache", "-s", "--src-cache", "-g", "--generate"],
    ..NONE
};
const CRYPTSETUP: Subcommands = Subcommands { names: &[&["isLuks"], &["luksUUID"], &["status"]], without: &["--debug-json"], ..NONE };

/// The programs, by their names.
const PROGRAMS: &[(&str, &[Form])] = &[
    ("[", &[Always]),
    ("apt", &[Exactly(&["list", "--installed"]), Exactly(&["list", "--upgradable"])]),
    ("apt-cache", &[Subcommand(&APT_CACHE)]),
    ("apt-mark", &[Exactly(&["showhold"]), Exactly(&["showmanual"]), Exactly(&["showauto"])]),
    ("arch", &[Always]),
    ("base64", &[Always]),
    ("basename", &[Always]),
    ("blkid", &[Without(&["-g", "--garbage-collect", "-c", "--cache-file"])]),
    ("cat", &[Always]),
    ("cd", &[Always]),
    ("cksum", &[Always]),
    ("cloud-init", &[Exactly(&["status"]), Exactly(&["status", "--long"]), Exactly(&["--version"])]),
    ("cmp", &[Always]),
    ("comm", &[Always]),
    ("command", &[First(&["-v", "-V"])]),
    ("containerd", &[Exactly(&["--version"]), Exactly(&["-v"]), Exactly(&["config", "default"]), Exactly(&["config", "dump"])]),
    ("crictl", &[Subcommand(&CRICTL), Exactly(&["--version"])]),
    ("cryptsetup", &[Subcommand(&CRYPTSETUP), Exactly(&["--version"])]),
    ("ctr", &[Subcommand(&CTR)]),
    ("cut", &[Always]),
    ("date", &[OptionsAnd(&["-u", "--utc", "-R", "-I", "-Is", "-Iseconds"], "")]),
    ("df", &[Without(&["--sync"])]),
    ("diff", &[Always]),
    ("dirname", &[Always]),
    ("docker", &[Subcommand(&CONTAINERS), Exactly(&["--version"])]),
    (
        "dpkg",
        &[
            First(&["-l", "--list", "-s", "--status", "-L", "--listfiles", "-S", "--search", "--get-selections", "--compare-versions"]),
            Exactly(&["--print-architecture"]),
            Exactly(&["--print-foreign-architectures"]),
        ],
    ),
    ("dpkg-query", &[Always]),
    ("du", &[Always]),
    ("echo", &[Always]),
    ("egrep", &[Always]),
    ("etcdctl", &[Subcommand(&ETCDCTL)]),
    ("exportfs", &[Exactly(&["-v"]), Exactly(&[])]),
    ("false", &[Always]),
    ("fgrep", &[Always]),
    ("find", &[WithoutWords(&["-delete", "-exec", "-ok", "-fls", "-fprint"])]),
    ("findmnt", &[Without(&["-p", "--poll"])]),
    ("free", &[Without(&["-s", "--seconds"])]),
    ("getconf", &[Always]),
    ("getenforce", &[Always]),
    ("getent", &[Always]),
    ("grep", &[Always]),
    ("groups", &[Always]),
    ("head", &[Always]),
    ("helm", &[Subcommand(&HELM)]),
    (
        "hostname",
        &[OnlyOptions(&[
            "-f",
            "--fqdn",
            "--long",
            "-s",
            "--short",
            "-d",
            "--domain",
            "-i",
            "--ip-address",
            "-I",
            "--all-ip-addresses",
            "-A",
            "--all-fqdns",
            "-a",
            "--alias",
        ])],
    ),
    ("hostnamectl", &[Exactly(&[]), Exactly(&["status"]), Exactly(&["hostname"]), Exactly(&["--static"])]),
    ("id", &[Always]),
    ("ip", &[Subcommand(&IP)]),
    ("iptables-save", &[Exactly(&[])]),
    ("iscsiadm", &[Exactly(&["-m", "session"]), Exactly(&["-m", "node"])]),
    ("jq", &[Always]),
    ("kubeadm", &[Subcommand(&KUBEADM)]),
    ("kubectl", &[Subcommand(&KUBECTL)]),
    ("kubelet", &[Exactly(&["--version"])]),
    ("ls", &[Always]),
    ("lsblk", &[Always]),
    ("lscpu", &[Always]),
    ("lsmem", &[Always]),
    ("lsmod", &[Always]),
    ("lsns", &[Always]),
    ("lspci", &[OnlyOptions(&["-v", "-vv", "-n", "-nn", "-k", "-m", "-mm", "-D"])]),
    ("lvs", &[Without(&["--config"])]),
    ("md5sum", &[Always]),
    ("mdadm", &[First(&["--detail", "-D"])]),
    ("modinfo", &[Always]),
    ("mount", &[Exactly(&[]), Exactly(&["-l"])]),
    ("mountpoint", &[Always]),
    ("nproc", &[Always]),
    ("od", &[Always]),
    ("openssl", &[Exactly(&["version"])]),
    ("pgrep", &[Always]),
    ("pidof", &[Always]),
    ("podman", &[Subcommand(&CONTAINERS), Exactly(&["--version"])]),
    ("printenv", &[Always]),
    ("printf", &[Always]),
    ("ps", &[Always]),
    ("pvs", &[Without(&["--config"])]),
    ("pwd", &[Always]),
    ("readlink", &[Always]),
    ("realpath", &[Always]),
    ("rpm", &[First(&["-q", "-qa", "-qi", "-ql", "-qf", "--query"])]),
    ("runc", &[Exactly(&["--version"])]),
    // a shell's own option only
    (
        "set",
        &[
            Exactly(&["-e"]),
            Exactly(&["-u"]),
            Exactly(&["-eu"]),
            Exactly(&["-o", "pipefail"]),
            Exactly(&["-eo", "pipefail"]),
            Exactly(&["-euo", "pipefail"]),
            Exactly(&["-e", "-o", "pipefail"]),
        ],
    ),
    ("sha1sum", &[Always]),
    ("sha256sum", &[Always]),
    ("sha512sum", &[Always]),
    ("sort", &[Without(&["-o", "--output", "--compress-program", "-T", "--temporary-directory"])]),
    ("ss", &[Without(&["-K", "--kill", "-E", "--events", "-D", "--diag"])]),
    ("stat", &[Always]),
    ("swapon", &[OnlyOptions(&["--show", "-s", "--summary", "--noheadings", "--raw", "--bytes"])]),
    ("sysctl", &[OptionsAnd(&["-n", "-e", "-a", "-N", "-b", "-ne", "-en", "--values", "--names", "--all", "--ignore", "--binary"], "=")]),
    ("systemctl", &[Subcommand(&SYSTEMCTL), Exactly(&["--version"])]),
    ("systemd-detect-virt", &[Always]),
    ("tail", &[Without(&["-f", "-F", "--follow", "--retry"])]),
    ("test", &[Always]),
    ("timedatectl", &[Exactly(&[]), Exactly(&["status"]), Exactly(&["show"])]),
    ("tr", &[Always]),
    ("true", &[Always]),
    ("ufw", &[Exactly(&["status"]), Exactly(&["status", "verbose"]), Exactly(&["status", "numbered"])]),
    ("uname", &[Always]),
    // a second operand would be its output
    ("uniq", &[OnlyOptions(&["-c", "-d", "-u", "-i"])]),
    ("uptime", &[Always]),
    ("vgs", &[Without(&["--config"])]),
    ("wc", &[Always]),
    ("which", &[Always]),
    ("who", &[Always]),
    ("whoami", &[Always]),
    ("zcat", &[Always]),
    ("zgrep", &[Always]),
];

/// Where a program of the system is; what has the same name elsewhere is another one.
const PLACES: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Whether a program with these arguments can only read. If `expanded`, what its words will be is not known where they
/// have a variable in them.
pub(super) fn program_only_reads(argv: &[String], expanded: bool) -> bool {
    let Some((program, arguments)) = argv.split_first() else { return false };
    if expanded && (argv.iter().any(|word| word.contains('$')) || program.starts_with('~')) {
        return false;
    }
    // these are the shell's own
    if matches!(program.as_str(), "cd" | "set" | "command") {
        return false;
    }
    reads(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether a text that sh or bash runs can only read: programs of the table, one after the other or in a pipe.
pub(super) fn shell_only_reads(text: &str) -> bool {
    commands(text).is_some_and(|commands| {
        commands.iter().all(|words| {
            let mut words = words.iter().map(String::as_str);
            words.next().is_some_and(|program| reads(program, &words.collect::<Vec<_>>()))
        })
    })
}

fn reads(program: &str, arguments: &[&str]) -> bool {
    let name = match program.rsplit_once('/') {
        Some((place, name)) if PLACES.contains(&place) => name,
        Some(_) => return false,
        None => program,
    };
    let forms = PROGRAMS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, forms)| forms);
    forms.iter().any(|form| fits(form, arguments))
}

fn fits(form: &Form, arguments: &[&str]) -> bool {
    match form {
        Always => true,
        Without(options) => !has_option(arguments, options),
        WithoutWords(words) => !arguments.iter().any(|argument| words.iter().any(|word| argument.starts_with(word))),
        Exactly(wanted) => arguments == *wanted,
        OnlyOptions(options) => arguments.iter().all(|argument| options.contains(argument)),
        OptionsAnd(options, without) => arguments.iter().all(|argument| {
            if argument.starts_with('-') {
                options.contains(argument)
            } else if without.is_empty() {
                // date(1): a format, and no time to set
                argument.starts_with('+')
            } else {
                !argument.contains(without)
            }
        }),
        First(options) => match arguments.split_first() {
            Some((first, rest)) => {
                options.contains(first) && rest.iter().all(|argument| !argument.starts_with('-') || options.contains(argument))
            }
            None => false,
        },
        Subcommand(subcommands) => names_subcommand(subcommands, arguments),
    }
}

/// Whether one of `options` is among the arguments, in any spelling. A value that looks like one counts too.
fn has_option(arguments: &[&str], options: &[&str]) -> bool {
    arguments.iter().any(|argument| match argument.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or(long);
            !name.is_empty() && options.iter().filter_map(|option| option.strip_prefix("--")).any(|option| option.starts_with(name))
        }
        None => argument.strip_prefix('-').is_some_and(|cluster| {
            let short = |option: &&str| option.len() == 2 && option.get(1..).is_some_and(|letter| cluster.contains(letter));
            options.iter().any(short)
        }),
    })
}

fn names_subcommand(subcommands: &Subcommands, arguments: &[&str]) -> bool {
    if has_option(arguments, subcommands.without) {
        return false;
    }
    let mut rest = arguments;
    while let Some((first, tail)) = rest.split_first().filter(|(first, _)| first.starts_with('-')) {
        rest = match first.split_once('=') {
            Some((name, _)) if subcommands.valued.contains(&name) => tail,
            None if subcommands.flags.contains(first) => tail,
            None if subcommands.valued.contains(first) => match tail.split_first() {
                Some((_, tail)) => tail,
                None => return false,
            },
            _ => return false,
        };
    }
    subcommands.names.iter().any(|words| match words.split_last() {
        Some((&"$", words)) => rest == words,
        _ => rest.starts_with(words),
    })
}

/// The words of each command of a shell's text; `None` if anything in it is not plainly words, `|`, `;`, `&&`, `||`, line
/// breaks and errors that are thrown away.
fn commands(text: &str) -> Option<Vec<Vec<String>>> {
    let mut commands: Vec<Vec<String>> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    // whether a command must follow
    let mut is_open = true;
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
            }
            '\n' | ';' | '|' | '&' => {
                words.extend(word.take());
                match (c, chars.peek()) {
                    // the rest of `;;` and of `|&` is not known here
                    (';' | '\n', _) => {}
                    ('|', Some('|')) | ('&', Some('&')) => {
                        chars.next();
                    }
                    ('|', _) => {}
                    _ => return None,
                }
                let is_blank = matches!(c, '\n' | ';');
                if words.is_empty() {
                    if c == '\n' {
                        continue;
                    }
                    return None;
                }
                commands.push(std::mem::take(&mut words));
                is_open = !is_blank;
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        // at the end of a pattern it is itself
                        '$' if chars.peek() == Some(&'"') => word.push('$'),
                        '$' | '`' | '\\' | '!' => return None,
                        c => word.push(c),
                    }
                }
            }
            // what is thrown away is written nowhere
            '2' | '>' if word.is_none() => {
                let rest: String = chars.clone().take(11).collect();
                let thrown = match c {
                    '>' => &["/dev/null", " /dev/null"][..],
                    _ => &[">&1", ">/dev/null", "> /dev/null"][..],
                };
                match thrown.iter().find(|thrown| rest.strip_prefix(**thrown).is_some_and(ends_a_word)) {
                    Some(thrown) => {
                        for _ in thrown.chars() {
                            chars.next();
                        }
                    }
                    None if c == '2' && !rest.starts_with('>') => word.get_or_insert_default().push('2'),
                    None => return None,
                }
            }
            '~' if word.is_none() && chars.peek() == Some(&'/') => word.get_or_insert_default().push('~'),
            // what a pattern becomes begins as the pattern does, so it is no option
            '*' | '?' if word.as_deref().is_some_and(|word| word.starts_with('/')) => word.get_or_insert_default().push(c),
            c if c.is_alphanumeric() || "_-./:,=+@%[]".contains(c) => {
                // `[` begins a pattern but by itself
                if c == '[' && word.is_some() || c == ']' && word.is_some() {
                    return None;
                }
                if matches!(word.as_deref(), Some("[" | "]")) {
                    return None;
                }
                word.get_or_insert_default().push(c);
            }
            _ => return None,
        }
    }
    words.extend(word);
    if !words.is_empty() {
        commands.push(words);
        is_open = false;
    }
    if is_open || commands.is_empty() { None } else { Some(commands) }
}

/// Whether what follows a redirection is the next word or the end.
fn ends_a_word(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([' ', '\n', ';', '|', '&', '\t'])
}

#[cfg(test)]
mod tests;
