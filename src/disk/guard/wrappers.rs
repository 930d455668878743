//! Programs that run others: what is run in the end.

use super::Directory;
use super::shell::Word;

/// What a command runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inner<'a> {
    /// A program with its arguments, the words it gets from its input behind them, if so.
    Program { words: &'a [Word], from_input: bool },
    /// Several, each with its words.
    Several(Vec<Vec<Word>>),
    /// A text of the shell.
    Text(Word),
    /// The text of the shell that it reads.
    Input,
    /// A text that a shell on another machine runs.
    Elsewhere(String),
    /// Words among which is what runs in a container.
    Contained { program: &'a str, words: &'a [Word] },
    /// A text of another language.
    Foreign { program: String, text: Word },
    /// The text of another language that it reads.
    ForeignInput { program: String },
}

/// A program that runs what stands behind its options.
struct Wrapper {
    name: &'static str,
    /// Options that have a value behind them.
    valued: &'static [&'static str],
    /// How many words stand before the program.
    before: usize,
}

const fn wrapper(name: &'static str, valued: &'static [&'static str], before: usize) -> Wrapper {
    Wrapper { name, valued, before }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group"], 0),
    wrapper("runuser", &["-u", "-g", "-G", "-s", "--user", "--group", "--shell"], 0),
    wrapper("doas", &["-u", "-C"], 0),
    wrapper("env", &["-u", "-C", "--unset", "--chdir"], 0),
    wrapper("pkexec", &["--user"], 0),
    wrapper("run0", &["-u", "-g", "-D", "--user", "--group", "--chdir", "--setenv", "--property", "--nice"], 0),
    wrapper("setpriv", &["--reuid", "--regid", "--groups", "--inh-caps", "--bounding-set", "--ambient-caps", "--securebits"], 0),
    wrapper("numactl", &["-m", "-N", "-C", "-i", "-p", "--membind", "--cpunodebind", "--physcpubind", "--interleave"], 0),
    wrapper("chronic", &[], 0),
    wrapper("eatmydata", &[], 0),
    wrapper("systemd-cat", &["-t", "-p", "--identifier", "--priority"], 0),
    wrapper("nice", &["-n", "--adjustment"], 0),
    wrapper("ionice", &["-c", "-n", "-p", "--class", "--classdata"], 0),
    wrapper("nohup", &[], 0),
    wrapper("setsid", &[], 0),
    wrapper("stdbuf", &["-i", "-o", "-e"], 0),
    wrapper("time", &["-f", "-o"], 0),
    wrapper("exec", &["-a"], 0),
    wrapper("builtin", &[], 0),
    wrapper("busybox", &[], 0),
    wrapper("toybox", &[], 0),
    wrapper("timeout", &["-s", "-k", "--signal", "--kill-after"], 1),
    wrapper("flock", &["-w", "-E", "--timeout", "--wait"], 1),
    wrapper("chroot", &[], 1),
    wrapper("taskset", &[], 1),
    wrapper("chrt", &[], 1),
    wrapper("unshare", &["-S", "-G", "-R", "-w"], 0),
    wrapper("nsenter", &["-t", "--target", "-S", "-G", "-W"], 0),
    wrapper("systemd-run", &["-p", "--property", "-u", "--unit", "-E", "--setenv", "--uid", "--gid", "--slice"], 0),
    wrapper("systemd-inhibit", &[], 0),
    wrapper("strace", &["-o", "-e", "-p", "-s"], 0),
    wrapper("watch", &["-n", "--interval"], 0),
    wrapper("xargs", &["-n", "-L", "-I", "-P", "-d", "-a", "-s", "-E", "--max-args", "--max-procs", "--delimiter", "--arg-file"], 0),
    wrapper("parallel", &["-j", "--jobs"], 0),
    wrapper("command", &[], 0),
    wrapper("lvm", &[], 0),
];

/// The machine's name stands before what it runs.
const SSH: Wrapper =
    wrapper("ssh", &["-p", "-i", "-o", "-l", "-F", "-J", "-L", "-R", "-D", "-b", "-c", "-E", "-e", "-I", "-m", "-S", "-W"], 1);

/// Programs that run others in a container, or on a node that has a disk of its own.
const CONTAINERS: [&str; 14] = [
    "docker",
    "podman",
    "nerdctl",
    "ctr",
    "crictl",
    "kubectl",
    "oc",
    "cephadm",
    "lxc",
    "incus",
    "lxc-attach",
    "pct",
    "machinectl",
    "systemd-nspawn",
];

const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "rbash"];

/// What runs in the end; nothing where there is no program.
pub(super) fn unwrapped(words: &[Word]) -> Option<Inner<'_>> {
    let (mut words, mut from_input) = (words, false);
    loop {
        let program = words.first()?;
        let name = base(program);
        let arguments = words.get(1..).unwrap_or_default();
        if name == "command" && arguments.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V")) {
            return None;
        }
        if !program.is_literal {
            return Some(Inner::Program { words, from_input });
        }
        match name {
            _ if SHELLS.contains(&name) => return shell(arguments, from_input),
            "su" | "runuser" | "flock" | "script" if text_option(arguments).is_some() => {
                return text_option(arguments).map(|text| Inner::Text(filled(text, from_input)));
            }
            "su" => return Some(Inner::Input),
            "runuser" if !arguments.iter().any(|word| matches!(word.text.as_str(), "-u" | "--user")) => return Some(Inner::Input),
            "." | "source" => {
                let read = arguments.first()?;
                return match read.text.as_str() {
                    text if is_input(text) => Some(Inner::Input),
                    text if text.starts_with("<(") => Some(Inner::Text(read.clone())),
                    _ => None,
                };
            }
            "eval" => return Some(Inner::Text(filled(joined(arguments), from_input))),
            "trap" | "alias" => return arguments.first().cloned().map(Inner::Text),
            "ssh" => return Some(Inner::Elsewhere(joined(behind(arguments, &SSH)).text)),
            _ if CONTAINERS.contains(&name) => return Some(Inner::Contained { program: name, words: arguments }),
            "find" => return Some(Inner::Several(executed(arguments))),
            _ if is_interpreter(name) => return interpreter(name, arguments),
            _ => {}
        }
        let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == name) else {
            return Some(Inner::Program { words, from_input });
        };
        from_input |= matches!(name, "xargs" | "parallel");
        words = behind(arguments, wrapper);
        if words.is_empty() && reads_a_text(name, arguments) {
            return Some(Inner::Input);
        }
    }
}

/// The directory in which `env -C` or `sudo -D` runs a program.
pub(super) fn changed_directory(words: &[Word]) -> Option<Directory> {
    let (program, arguments) = words.split_first()?;
    let short = match base(program) {
        "env" => "-C",
        "sudo" => "-D",
        _ => return None,
    };
    let at = arguments.iter().position(|word| word.text == short || word.text == "--chdir" || word.text.starts_with("--chdir="))?;
    let to = match arguments.get(at)?.text.strip_prefix("--chdir=") {
        Some(path) => Word { text: path.to_owned(), ..arguments.get(at)?.clone() },
        None => arguments.get(at + 1)?.clone(),
    };
    Some(if to.is_literal && to.text.starts_with('/') { Directory::Is(to.text) } else { Directory::Unknown })
}

/// Whether it runs a shell that reads its input where no program is named.
fn reads_a_text(name: &str, arguments: &[Word]) -> bool {
    let is_shell = |word: &Word| match word.text.strip_prefix("--") {
        Some(long) => matches!(long, "login" | "shell"),
        None => word.text.starts_with('-') && word.text.contains(['i', 's']),
    };
    match name {
        "chroot" | "nsenter" | "unshare" | "lvm" => true,
        "sudo" | "doas" => arguments.iter().any(is_shell),
        _ => false,
    }
}

/// A text into which words of the input are put is not known.
fn filled(text: Word, from_input: bool) -> Word {
    Word { is_literal: text.is_literal && !from_input, ..text }
}

fn is_interpreter(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    ["python", "perl", "ruby", "php", "node", "lua", "expect", "tclsh"].contains(&name) || is_awk(name)
}

/// Its text stands without an option.
fn is_awk(name: &str) -> bool {
    ["awk", "gawk", "mawk", "nawk"].contains(&name)
}

/// Whether that is a shell.
pub(super) fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

/// The text among its words, or the one that it reads; a script, or a module of Python's, is not looked into.
fn interpreter<'a>(name: &str, arguments: &[Word]) -> Option<Inner<'a>> {
    let program = name.to_owned();
    if is_awk(name) {
        let text = joined(arguments);
        let runs_others = text.text.contains("system") || text.text.contains('|');
        return runs_others.then_some(Inner::Foreign { program, text });
    }
    let (options, rest) = arguments.split_at(arguments.len() - positional(arguments).len());
    let is_cluster = |word: &Word| !word.text.starts_with("--") && word.text.contains(['c', 'e', 'E', 'r']);
    let is_code = |word: &Word| matches!(word.text.as_str(), "-c" | "-e" | "-r" | "--eval");
    let is_module = options.iter().any(|word| word.text.starts_with("-m"));
    if !is_module && options.iter().any(is_cluster) || arguments.iter().any(is_code) {
        return Some(Inner::Foreign { program, text: joined(arguments) });
    }
    let reads = options.iter().any(|word| word.text == "-") || rest.is_empty();
    (reads && !is_module).then_some(Inner::ForeignInput { program })
}

/// A program's name without its folder.
fn base(word: &Word) -> &str {
    word.text.rsplit('/').next().unwrap_or(&word.text)
}

fn behind<'a>(arguments: &'a [Word], wrapper: &Wrapper) -> &'a [Word] {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        let text = word.text.as_str();
        let is_assignment = matches!(wrapper.name, "env" | "sudo" | "doas") && !text.starts_with('/') && text.contains('=');
        at += match text {
            "--" => {
                at += 1;
                break;
            }
            _ if wrapper.valued.contains(&text) => 2,
            _ if text.len() > 1 && text.starts_with('-') || is_assignment => 1,
            _ => break,
        };
    }
    arguments.get(at + wrapper.before..).unwrap_or_default()
}

/// The text behind `-c`, or the script, which is not looked into.
fn shell(arguments: &[Word], from_input: bool) -> Option<Inner<'_>> {
    let is_cluster = |word: &Word| word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains('c');
    let script = positional(arguments).first();
    match arguments.iter().position(is_cluster) {
        Some(at) => {
            let text = arguments.iter().skip(at + 1).find(|word| !word.text.starts_with(['-', '+']));
            text.cloned().map(|text| Inner::Text(filled(text, from_input)))
        }
        None if script.is_none_or(|script| is_input(&script.text)) || arguments.iter().any(|word| word.text == "-s") => Some(Inner::Input),
        // `bash <(…)`
        None => script.filter(|word| word.text.starts_with("<(")).cloned().map(Inner::Text),
    }
}

/// Whether that file is what the program reads anyway.
fn is_input(path: &str) -> bool {
    matches!(path, "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")
}

fn text_option(arguments: &[Word]) -> Option<Word> {
    for (index, word) in arguments.iter().enumerate() {
        if let Some(text) = word.text.strip_prefix("--command=") {
            return Some(Word { text: text.to_owned(), ..word.clone() });
        }
        if matches!(word.text.as_str(), "-c" | "--command")
            || word.text.starts_with('-') && !word.text.starts_with("--") && word.text.ends_with('c')
        {
            return arguments.get(index + 1).cloned();
        }
    }
    None
}

fn positional(arguments: &[Word]) -> &[Word] {
    let at = arguments.iter().position(|word| !word.text.starts_with(['-', '+'])).unwrap_or(arguments.len());
    arguments.get(at..).unwrap_or_default()
}

fn joined(words: &[Word]) -> Word {
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    Word { is_literal: words.iter().all(|word| word.is_literal), text }
}

/// What find(1) runs on what it finds.
fn executed(arguments: &[Word]) -> Vec<Vec<Word>> {
    let mut commands: Vec<Vec<Word>> = Vec::new();
    let mut is_open = false;
    for word in arguments {
        match word.text.as_str() {
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                commands.push(Vec::new());
                is_open = true;
            }
            ";" | "+" => is_open = false,
            text if is_open => {
                let found = Word { is_literal: word.is_literal && !text.contains("{}"), ..word.clone() };
                commands.last_mut().into_iter().for_each(|words| words.push(found.clone()));
            }
            _ => {}
        }
    }
    commands
}
