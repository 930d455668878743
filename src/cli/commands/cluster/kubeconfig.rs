//! `homelabctl cluster kubeconfig`

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Map, json};

use super::super::super::args::{ConnectionArgs, OutputArgs, Unresolved};
use super::super::super::environment::Environment;
use super::super::super::interrupt::Interrupt;
use super::super::super::run::listening;
use super::super::super::session::{Session, Shared};
use super::super::super::show;
use super::super::super::targets::Ready;
use super::{as_root, begin, going};
use crate::cluster::kubeconfig::{Access, Asking, GROUP, binding, merge};
use crate::cluster::membership::Role;
use crate::diagnostics::ExitCode;
use crate::node::personal_certificate::{Signed, script};
use crate::node::record::to_reason;
use crate::report::{Answer, ClusterSheet, Event, HostAnswer, Outcome, Problem, Secrets};
use crate::transport::Collected;

/// Get a personal certificate for the cluster, and put it into your kubeconfig
///
/// The key is made here and stays here; the certificate ends by itself, and this command gets another. It is for you and the group
/// `homelabctl:admins`, to which the rights of the cluster's admins are bound when it is first asked for: taking away that
/// ClusterRoleBinding takes away the rights of all such certificates. The kubeconfig is copied before it is changed, and what is of other
/// clusters stays as it is.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// Which control planes may be asked: `all`, a host, a group, `a,b`, `masters:!m3`
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    /// Whose certificate it is [default: your name on this machine]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How long it holds, in days; a cluster may give less
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: u32,
    /// The kubeconfig [default: ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// It waits a minute for the signature.
const LIMIT: Duration = Duration::from_secs(300);
const MOST_OUTPUT: usize = 1 << 20;

pub fn run(args: &KubeconfigArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, began| prepared(args, output, environment, interrupt, secrets, began))
}

fn prepared(
    args: &KubeconfigArgs,
    output: &OutputArgs,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
    began: Instant,
) -> Result<ExitCode, Unresolved> {
    let connection = &as_root(&args.connection);
    let run = going("cluster kubeconfig", &args.pattern, connection, output, environment);
    let (cluster, prepared, ()) = begin(&run, interrupt, secrets, |role| role == Role::ControlPlane, |_, _| ())?;
    let usual = || environment.home.join(".kube/config");
    let to = args.to.as_ref().map_or_else(usual, |path| environment.working_dir.join(path));
    let name = cluster.settings.name.as_str();
    let conduct = async |shared: Arc<Shared>, ready: Vec<Ready>, _: usize| {
        let mut outcomes = Vec::new();
        for ready in ready {
            let host = Arc::clone(&ready.host.name);
            let user = args.name.as_deref().unwrap_or(&environment.user);
            let answer = match ask(&shared, ready, user, args.days).await {
                Ok((access, round_trips)) => match put(&to, name, &access) {
                    Ok(backup) => {
                        let sheet = sheet(name, &access, &environment.shorten(&to), &backup, environment);
                        HostAnswer { round_trips, ..HostAnswer::good(host, Outcome::Changed, Answer::Cluster(sheet)) }
                    }
                    Err(why) => {
                        let problem = Problem::new(format!("{}: {why}; nothing was written", to.display()));
                        let hint = "write it into a file of its own with `--to FILE`";
                        outcomes.push(Outcome::Failed);
                        let answer = HostAnswer::bad(host, Outcome::Failed, problem.hint(hint));
                        shared.reporter.tell(Event::HostFinished(HostAnswer { elapsed_ms: show::millis(began), ..answer }));
                        break;
                    }
                },
                Err(answer) => answer,
            };
            let is_done = answer.answer.is_some();
            outcomes.push(answer.outcome);
            shared.reporter.tell(Event::HostFinished(HostAnswer { elapsed_ms: show::millis(began), ..answer }));
            if is_done || shared.cancelled.is_cancelled() {
                break;
            }
        }
        outcomes
    };
    // one that did not sign it is told of, and no harm where another did
    let code = |outcomes: &[Outcome]| outcomes.last().is_some_and(|last| last.is_good()).then_some(ExitCode::Done);
    Ok(run.go(prepared, interrupt, secrets.clone(), began, conduct, code))
}

/// Lets the cluster sign a new key, through that control plane.
async fn ask(shared: &Arc<Shared>, ready: Ready, user: &str, days: u32) -> Result<(Access, u32), HostAnswer> {
    let mut session = Session::open(ready, Arc::clone(shared)).await?;
    let host = Arc::clone(&session.host);
    let failed = |why: String| HostAnswer::bad(Arc::clone(&host), Outcome::Failed, Problem::new(why));
    let asking = Asking::new(user).map_err(&failed)?;
    // a key is never too short to be hidden
    let _ = shared.secrets.register(asking.key().expose_secret());
    let name = format!("homelabctl-{:08x}", rand::random::<u32>());
    let request = asking.object(&name, days * 24 * 3600).to_string();
    let text = script("/etc/kubernetes", &name, &request, GROUP, &binding().to_string()).map_err(|error| failed(error.to_string()))?;
    let mut output = Collected::up_to(MOST_OUTPUT);
    let status = session.run("asking for a certificate", &text, &mut output, LIMIT).await.map_err(|why| session.not_known(why))?;
    if status != 0 {
        return Err(failed(format!("no certificate was given: {}", to_reason(&output.stderr))));
    }
    let pem = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let signed = Signed::read(&String::from_utf8_lossy(&output.stdout));
    let signed = signed.and_then(|signed| Some((signed.server, pem(&signed.authority)?, pem(&signed.certificate)?)));
    let (server, authority, certificate) = signed.ok_or_else(|| failed("its answer is not understood".to_owned()))?;
    Ok((asking.answered(server, authority, certificate).map_err(failed)?, session.round_trips()))
}

/// Puts it into the kubeconfig; where the file that was there has been copied to.
fn put(to: &Path, name: &str, access: &Access) -> Result<Option<PathBuf>, String> {
    // what a link leads to is what is written
    let to = &fs::canonicalize(to).unwrap_or_else(|_| to.to_owned());
    let before = match fs::read_to_string(to) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    let merged = merge(before.as_deref(), name, access)?;
    if let Some(folder) = to.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    let backup = match &before {
        None => None,
        Some(text) => {
            let time = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
            let backup = beside(to, &format!(".before-{time}"));
            new_file(&backup, text).map_err(|error| format!("its copy {} cannot be written: {error}", backup.display()))?;
            Some(backup)
        }
    };
    let new = beside(to, &format!(".new-{:08x}", rand::random::<u32>()));
    let written = new_file(&new, &merged.text).and_then(|()| fs::rename(&new, to));
    written.map_err(|error| {
        let _ = fs::remove_file(&new);
        format!("it cannot be written: {error}")
    })?;
    Ok(backup)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A file that was not there, for its owner alone.
fn new_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sheet(name: &str, access: &Access, to: &str, backup: &Option<PathBuf>, environment: &Environment) -> ClusterSheet {
    let ends = access.certificate.not_after;
    let mut lines = vec![format!("{to}: the context `{name}`, for {} until {ends}", access.user)];
    lines.extend(backup.as_ref().map(|path| format!("what was there before: {}", environment.shorten(path))));
    lines.push(format!("try it:  kubectl --kubeconfig {to} --context {name} get nodes"));
    let cluster: Map<_, _> = [
        ("context".to_owned(), json!(name)),
        ("user".to_owned(), json!(access.user)),
        ("server".to_owned(), json!(access.server)),
        ("not_after".to_owned(), json!(ends.to_string())),
        ("file".to_owned(), json!(to)),
        ("backup".to_owned(), json!(backup)),
    ]
    .into_iter()
    .collect();
    ClusterSheet { lines, cluster }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cluster::kubeconfig::tests::access;

    #[test]
    fn what_was_there_is_copied_and_a_link_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let (link, own) = (dir.path().join("home/.kube/config"), dir.path().join("own"));
        assert_eq!(put(&link, "lab", &access("pat", "https://k:6443")).unwrap(), None);
        fs::rename(&link, &own).unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        let before = fs::read_to_string(&own).unwrap();
        let backup = put(&link, "other", &access("pat", "https://o:6443")).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&backup).unwrap(), before);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let text = fs::read_to_string(&own).unwrap();
        assert!(text.contains("name: other\n") && text.contains("current-context: lab\n"), "{text}");
        for path in [&own, &backup] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // one that cannot be read stays to the byte
        fs::write(&own, "- a\n").unwrap();
        assert_eq!(put(&link, "lab", &access("pat", "https://k:6443")).unwrap_err(), "it is no kubeconfig");
        assert_eq!((fs::read_to_string(&own).unwrap().as_str(), fs::read_dir(dir.path()).unwrap().count()), ("- a\n", 3));
    }
}
