//! The passwords of what `ansible-vault` encrypted: asked for, in files, from programs.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::ansible_cfg::Settings;
use super::args::{SourceArgs, Unresolved, register};
use super::environment::Environment;
use super::prompt;
use super::terminal::Terminal;
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source, read_bytes, reason};
use crate::inventory::{Program, ProgramError, at_home};
use crate::report::Secrets;
use crate::yaml::{Keys, is_encrypted};

/// The name of a password that was given without one.
const UNNAMED: &str = "default";
/// A program may ask the person something.
const LIMIT: Duration = Duration::from_secs(300);
/// No password is longer.
const LONGEST: usize = 64 * 1024;

/// One password that is wanted.
struct Wanted {
    name: String,
    source: From,
}

enum From {
    Prompt,
    /// And where a setting names it.
    File(String, Option<Place>),
    /// Nothing stands behind the `@`.
    Nothing(String),
}

/// All that are wanted, in the order in which they are tried. What is wrong is added to `problems`.
///
/// # Errors
/// Ctrl-C at a question.
pub(super) fn keys(
    args: &SourceArgs,
    settings: &Settings,
    environment: &Environment,
    terminal: &Terminal,
    secrets: &Secrets,
    problems: &mut Diagnostics,
) -> Result<Keys, Unresolved> {
    let mut keys: Vec<(String, SecretString)> = Vec::new();
    for Wanted { name, source } in wanted(args, settings) {
        let password = match source {
            From::Prompt => {
                let question = if name == UNNAMED { "Vault password".to_owned() } else { format!("Vault password ({name})") };
                match prompt::ask(terminal, &question) {
                    Ok(password) => Ok(password),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(Unresolved::Interrupted),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        let error = Diagnostic::error("no vault password was given");
                        Err(Box::new(error.hint("type it, or write it into a file, for --vault-password-file FILE")))
                    }
                    Err(error) => Err(Box::new(Diagnostic::error(format!("cannot ask for the vault password: {error}")))),
                }
            }
            From::File(path, place) => {
                let password = from_file(&path, &name, &keys, environment).and_then(|password| {
                    if password.expose_secret().is_empty() {
                        let error = Diagnostic::error(format!("cannot read the vault password in `{path}`: it is empty"));
                        return Err(Box::new(error.hint("the file holds the password, or is a program that prints it")));
                    }
                    Ok(password)
                });
                password.map_err(|problem| Box::new(Diagnostic { place, ..*problem }))
            }
            From::Nothing(slug) => {
                let error = Diagnostic::error("nothing stands behind the `@`").at(Source::new("--vault-id", slug).whole());
                Err(Box::new(error.hint("write `NAME@FILE`, or `NAME@prompt` to be asked")))
            }
        };
        match password {
            Ok(password) if password.expose_secret().is_empty() => {
                let error = Diagnostic::error("the vault password is empty");
                problems.push(error.hint("type it, or write it into a file, for --vault-password-file FILE"));
            }
            Ok(password) => {
                register(secrets, password.expose_secret(), "the vault password", problems);
                keys.push((name, password));
            }
            Err(problem) => problems.push(*problem),
        }
    }
    Ok(Keys::new(keys))
}

/// Names first, then files, then the question: Ansible's order. Settings come before flags.
fn wanted(args: &SourceArgs, settings: &Settings) -> Vec<Wanted> {
    let unnamed = settings.vault_identity.as_ref().map_or(UNNAMED, |setting| setting.value.as_str());
    let listed = settings.vault_identity_list.iter().flat_map(|setting| setting.value.iter().map(|slug| (slug, Some(&setting.place))));
    let mut all: Vec<Wanted> = listed
        .chain(args.vault_id.iter().map(|slug| (slug, None)))
        .map(|(slug, place)| {
            let (name, source) = slug.split_once('@').unwrap_or((unnamed, slug));
            let name = if name.is_empty() { unnamed } else { name };
            let source = match source {
                "prompt" => From::Prompt,
                "" => From::Nothing(slug.clone()),
                source => From::File(source.to_owned(), place.cloned()),
            };
            Wanted { name: name.to_owned(), source }
        })
        .collect();
    let given = args.vault_password_file.iter().map(|path| (path, None));
    let files = given.chain(settings.vault_password_file.iter().map(|setting| (&setting.value, Some(setting.place.clone()))));
    all.extend(files.map(|(path, place)| Wanted { name: unnamed.to_owned(), source: From::File(path.display().to_string(), place) }));
    if args.ask_vault_pass || settings.ask_vault_pass.as_ref().is_some_and(|setting| setting.value) {
        all.push(Wanted { name: unnamed.to_owned(), source: From::Prompt });
    }
    all
}

/// The password in a file, which may be encrypted by one that came before, or what a program prints.
fn from_file(path: &str, name: &str, keys: &[(String, SecretString)], environment: &Environment) -> Result<SecretString, Box<Diagnostic>> {
    let wrong = |why: String| Box::new(Diagnostic::error(format!("cannot read the vault password in `{path}`: {why}")));
    let real = at_home(path, &environment.home);
    let metadata = std::fs::metadata(&real).map_err(|error| wrong(reason(&error)))?;
    if metadata.is_dir() {
        return Err(wrong("it is a directory".to_owned()));
    }
    let bytes = if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
        run(&real, name).map_err(|error| {
            let hint = match error {
                ProgramError::NotStarted(_) => format!("if it is no program, take the right to run it away: `chmod -x {path}`"),
                _ if path.contains('/') => format!("what it says stands above; run it by hand to see more: `{path}`"),
                _ => format!("what it says stands above; run it by hand to see more: `./{path}`"),
            };
            Box::new(wrong(error.to_string()).hint(hint))
        })?
    } else {
        read_bytes(&real, LONGEST as u64).map_err(|error| wrong(reason(&error)))?
    };
    let text = prompt::secret(bytes).map_err(|error| wrong(error.to_string()))?;
    let trimmed = text.expose_secret().trim();
    if !is_encrypted(trimmed) {
        return Ok(SecretString::from(trimmed));
    }
    let known = Keys::new(keys.to_vec());
    known
        .open_text(&format!("{trimmed}\n"))
        .map(|text| SecretString::from(text.trim_matches(['\r', '\n'])))
        .map_err(|error| wrong(error.to_string()))
}

/// What a program prints; one whose name ends in `-client` is told which password is wanted.
fn run(path: &Path, name: &str) -> Result<Vec<u8>, ProgramError> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let for_client = ["--vault-id", name];
    let arguments: &[&str] = if stem.ends_with("-client") { &for_client } else { &[] };
    let program = Program { path, arguments, limit: LIMIT, most: LONGEST, interactive: true };
    program.run().map(|said| said.stdout)
}
