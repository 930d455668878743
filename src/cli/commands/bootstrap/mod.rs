//! `homelabctl bootstrap`

mod flags;
mod reach;
mod said;
mod shown;
mod telling;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use secrecy::SecretString;

use super::super::args::{OutputArgs, OutputFormat, Unresolved};
use super::super::environment::Environment;
use super::super::interrupt::Interrupt;
use super::super::run::listening;
use super::super::{prompt, screen, show};
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode, with_causes};
use crate::gitops::Requests;
use crate::gitops::bootstrap::look::{LookError, Looked, Wanted, look};
use crate::gitops::bootstrap::plan::Plan;
use crate::gitops::bootstrap::run::{Outcome, RunError, Ways, run as carry_out};
use crate::gitops::bootstrap::{live, overlay};
use crate::gitops::cluster::diagnosis::{Failing, why};
use crate::gitops::cluster::{Connected, Kinds, connect};
use crate::gitops::github::Client;
use crate::gitops::settings::{Layer, Origin, pin, print, resolve};
use crate::report::Secrets;
use flags::SettingsFlags;
use reach::Files;
use said::Said;
use telling::Telling;

/// Hand the cluster to Flux, from a GitHub repository
///
/// What `flux bootstrap github` does, and its flags; again and again, on a cluster that it bootstrapped too. A plan is shown first, and
/// nothing is changed before you have said yes. Files are committed once, byte for byte as the Flux CLI writes them; the deploy key, the
/// secret and GitHub's host keys are mended; Flux's own answer to this run is waited for.
///
/// The token is taken from GITHUB_TOKEN, from bootstrap/.env or .env, or asked for.
#[derive(Debug, Args)]
// --version is Flux's here, as the Flux CLI has it
#[command(disable_version_flag = true)]
pub struct BootstrapArgs {
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub plan: bool,
    /// Show what holds and where it came from, and do nothing
    #[arg(long, conflicts_with_all = ["plan", "yes", "export"])]
    pub print_config: bool,
    /// Write the cluster's entry point too, if it is missing: infrastructure controllers first, then what they are configured with
    #[arg(long)]
    pub infrastructure: bool,
    /// Show the difference of each file, too
    #[arg(long)]
    pub diff: bool,
    /// Do it without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Write the files there, and change nothing else
    #[arg(long, value_name = "DIR", conflicts_with_all = ["plan", "yes"])]
    pub export: Option<PathBuf>,
    /// The settings' file [default: bootstrap/flux.yaml]
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Exit with 3 if something was changed, or would be
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    pub flags: SettingsFlags,
}

pub fn run(args: &BootstrapArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, _| begun(args, output, environment, interrupt, secrets))
}

fn problem(message: impl Into<String>, hint: Option<String>) -> Diagnostic {
    let problem = Diagnostic::error(message);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn wrong(message: impl Into<String>, hint: Option<String>) -> Unresolved {
    Unresolved::Wrong(Diagnostics(vec![problem(message, hint)]))
}

fn begun(
    args: &BootstrapArgs,
    output: &OutputArgs,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
) -> Result<ExitCode, Unresolved> {
    let mut said = said::said(&args.flags.0, args.settings.as_deref(), environment, secrets).map_err(Unresolved::Wrong)?;
    show::warn(output, environment, &said.warnings, secrets);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| wrong(format!("no runtime: {error}"), None))?;
    let requests = (Requests::default(), Requests::default());
    // everything that can be wrong is told at once, and before a token is asked for
    let mut problems = checked(&said);
    let authority = reach::authority(&said, environment).unwrap_or_else(|error| {
        problems.push(problem(error, None));
        None
    });
    let files = reach::kubeconfigs(&said, environment);
    let context = said.first(|layer| &layer.context);
    let connected = match runtime.block_on(connect(&files, context.as_deref(), &requests.1)) {
        Ok(connected) => connected,
        Err(error) => {
            problems.push(problem(with_causes(&error), error.hint()));
            return Err(Unresolved::Wrong(problems));
        }
    };
    if problems.has_errors() {
        return Err(Unresolved::Wrong(problems));
    }
    let token = match said.first(|layer| &layer.token) {
        Some(token) => token,
        None => {
            let token = asked_token(interrupt, secrets)?;
            said.layers.push((Origin::Environment, Layer { token: Some(token.clone()), ..Layer::default() }));
            token
        }
    };
    let run = Run { args, output, environment, interrupt, secrets, said, authority, token, connected, requests };
    interrupt.run_begins();
    let code = runtime.block_on(async {
        tokio::select! {
            code = run.whole() => code,
            () = interrupt.cancelled.cancelled() => {
                screen::complain("interrupted; the same command goes on from here");
                Ok(ExitCode::Interrupted)
            }
        }
    });
    interrupt.run_ended();
    code
}

/// What is wrong with what was said, whatever the cluster says: that has an owner and a repository, if nobody else says them.
fn checked(said: &Said) -> Diagnostics {
    let mut layers = said.layers.clone();
    let some = || Some("some".to_owned());
    layers.push((Origin::Cluster, Layer { owner: some(), repository: some(), ..Layer::default() }));
    resolve(&layers).err().unwrap_or_default()
}

fn asked_token(interrupt: &Interrupt, secrets: &Secrets) -> Result<SecretString, Unresolved> {
    use secrecy::ExposeSecret as _;
    let hint = "set GITHUB_TOKEN, or write it to bootstrap/.env (see bootstrap/.env.example)";
    let token = prompt::ask(&interrupt.terminal, "GitHub token: ").ok().filter(|token| !token.expose_secret().trim().is_empty());
    let token = token.ok_or_else(|| wrong("there is no token for GitHub", Some(hint.to_owned())))?;
    let token = SecretString::from(token.expose_secret().trim());
    let _ = secrets.register(token.expose_secret());
    Ok(token)
}

struct Run<'a> {
    args: &'a BootstrapArgs,
    output: &'a OutputArgs,
    environment: &'a Environment,
    interrupt: &'a Interrupt,
    secrets: &'a Secrets,
    said: Said,
    authority: Option<String>,
    token: SecretString,
    connected: Connected,
    requests: (Requests, Requests),
}

impl Run<'_> {
    async fn whole(&self) -> Result<ExitCode, Unresolved> {
        let began = Instant::now();
        let (connected, (to_github, to_cluster)) = (&self.connected, &self.requests);
        let settings = reach::github(self.token.clone(), self.authority.as_deref(), self.environment, to_github);
        let github = Client::new(&settings).map_err(|error| wrong(error.to_string(), None))?;
        let telling = Telling::new(self.output, self.environment, self.secrets);
        let (kinds, tell) = (Kinds::new(), |told: crate::gitops::bootstrap::progress::Told<'_>| telling.tell(told));
        let ways = Ways { github: &github, cluster: &connected.client, kinds: &kinds, tell: &tell };
        let path = self.environment.variables.get(std::ffi::OsStr::new("PATH")).cloned().unwrap_or_default();
        let kubectl = overlay::kubectl(&path);
        let bundle = Files { github: &settings, cache: &self.environment.cache_dir, working_dir: &self.environment.working_dir };
        let scratch = self.environment.variables.get(std::ffi::OsStr::new("TMPDIR")).filter(|folder| !folder.is_empty());
        let scratch = scratch.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let wanted = Wanted {
            layers: &self.said.layers,
            bundle: &bundle,
            authority: self.authority.clone(),
            kubectl: &kubectl,
            scratch: &scratch,
            api_host: reach::host(&settings.base).to_ascii_lowercase(),
            entry: self.args.infrastructure,
            template: self.said.template.clone(),
        };
        telling.doing("looking at the cluster and at GitHub");
        let looked = match look(ways, &wanted).await {
            Ok(looked) => looked,
            Err(LookError::Settings(problems)) => {
                telling.clear();
                return Err(Unresolved::Wrong(problems));
            }
            Err(error) => {
                telling.clear();
                return Ok(self.failed(&with_causes(&error), error.hint()));
            }
        };
        telling.clear();
        if let Some(code) = self.other_cluster(connected, &looked) {
            return Ok(code);
        }
        if self.args.print_config {
            self.human(&print::text(&looked.settings));
            self.json(&print::json(&looked.settings));
            return Ok(ExitCode::Done);
        }
        if let Some(folder) = &self.args.export {
            return Ok(self.exported(folder, &looked));
        }
        self.human(&shown::head(connected, &looked));
        let plan = match &looked.plan {
            Ok(plan) => plan,
            Err(refusals) => {
                self.human(&format!("\n{}", shown::refused(refusals)));
                self.json(&shown::json(connected, &looked, None));
                return Ok(ExitCode::Failed);
            }
        };
        self.human(&shown::plan(&looked, plan, self.args.diff));
        let pending = is_pending(&looked, plan);
        if self.args.plan {
            let next = if pending { "apply with: homelabctl bootstrap" } else { "there is nothing to do" };
            self.human(&format!("\nnothing was changed    {next}\n"));
            self.json(&shown::json(connected, &looked, None));
            return Ok(if pending && self.args.detailed_exitcode { ExitCode::ChangesPending } else { ExitCode::Done });
        }
        if pending && !self.args.yes && !self.agreed(connected)? {
            self.human("\nnothing was changed\n");
            return Ok(ExitCode::Done);
        }
        telling.again();
        let done = carry_out(ways, &looked.settings, &looked.rendered, &looked.seen, plan, &looked.changed).await;
        telling.clear();
        let requests = (to_github.passed(), to_cluster.passed());
        if done.is_ok() {
            self.pin(&looked);
        }
        match done {
            Ok(outcome) => Ok(self.done(connected, &looked, &outcome, requests, began)),
            Err(error) => Ok(self.not_done(connected, &looked.settings.sync.namespace, error).await),
        }
    }

    /// Whether the person says yes; nobody at a terminal is an error, never a yes.
    fn agreed(&self, connected: &Connected) -> Result<bool, Unresolved> {
        let question = format!("\nDo it on {}? [y/N]: ", connected.context);
        match self.interrupt.terminal.confirm(&question, &self.interrupt.cancelled) {
            Ok(Some(answer)) => Ok(answer),
            Err(_) if self.interrupt.cancelled.is_cancelled() => Err(Unresolved::Interrupted),
            _ => Err(wrong(
                "there is no terminal to ask whether this shall be done",
                Some("--yes does it without asking, --plan only shows it".into()),
            )),
        }
    }

    /// The settings are for another cluster.
    fn other_cluster(&self, connected: &Connected, looked: &Looked) -> Option<ExitCode> {
        let pinned = looked.settings.cluster_uid.as_ref()?;
        let there = &looked.seen.cluster.uid;
        (pinned != there).then(|| {
            let context = &connected.context;
            let saw = format!("the context {context} is the cluster {there}, and the settings are for {pinned}: nothing was changed");
            self.failed(
                &saw,
                Some("name the right one with --context; or take `uid` out of the settings' file if the cluster was built anew".into()),
            )
        })
    }

    /// Notes in the settings' file which cluster it is for, so that another one is refused from now on.
    fn pin(&self, looked: &Looked) {
        let Some(path) = self.said.file.as_ref().filter(|_| looked.settings.cluster_uid.is_none()) else { return };
        let uid = &looked.seen.cluster.uid;
        // as it is now: a person may have written into it while the question stood
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let written = text.and_then(|text| pin(&text, uid).ok_or_else(|| "there is no place for it".to_owned()));
        let unfinished = path.with_extension("yaml.new");
        let written = written.and_then(|text| {
            let moved = std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, path));
            moved.map_err(|error| error.to_string())
        });
        screen::complain(&match written {
            Ok(()) => format!("  {}: this is for the cluster {uid} from now on", path.display()),
            Err(error) => format!("  {}: the cluster {uid} cannot be noted: {error}", path.display()),
        });
    }

    fn exported(&self, folder: &std::path::Path, looked: &Looked) -> ExitCode {
        for file in &looked.rendered.files {
            let path = self.environment.working_dir.join(folder).join(&file.path);
            let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, &file.content));
            if let Err(error) = written {
                return self.failed(&format!("{} cannot be written: {error}", path.display()), None);
            }
            self.human(&format!("{}\n", path.display()));
        }
        ExitCode::Done
    }

    fn done(&self, connected: &Connected, looked: &Looked, outcome: &Outcome, requests: (usize, usize), began: Instant) -> ExitCode {
        self.human(&format!("\n{}", shown::outcome(outcome, requests, began.elapsed().as_secs_f64())));
        self.json(&shown::json(connected, looked, Some(outcome)));
        let is_change = looked.plan.as_ref().is_ok_and(|plan| is_pending(looked, plan));
        if is_change && self.args.detailed_exitcode { ExitCode::ChangesPending } else { ExitCode::Done }
    }

    /// What did not work; of what did not become ready, why.
    async fn not_done(&self, connected: &Connected, namespace: &str, error: RunError) -> ExitCode {
        let RunError::NotReady(not_ready) = &error else { return self.failed(&with_causes(&error), error.hint()) };
        let failing = Failing { object: not_ready.object.clone(), flux: namespace.to_owned() };
        let tree = why(&connected.client, &failing).await;
        let text = tree.after(not_ready.after).to_string();
        screen::complain(self.secrets.redact(&format!("error: {text}")).trim_end());
        ExitCode::Failed
    }

    fn failed(&self, message: &str, hint: Option<String>) -> ExitCode {
        screen::complain(&self.secrets.redact(&format!("error: {message}")));
        if let Some(hint) = hint {
            screen::complain(&self.secrets.redact(&format!("  hint: {hint}")));
        }
        ExitCode::Failed
    }

    fn human(&self, text: &str) {
        if self.output.output == OutputFormat::Human {
            screen::print(self.secrets.redact(text).as_bytes());
        }
    }

    fn json(&self, value: &serde_json::Value) {
        if self.output.output != OutputFormat::Human {
            let text = if self.output.output == OutputFormat::Json { format!("{value:#}\n") } else { format!("{value}\n") };
            screen::print(self.secrets.redact(&text).as_bytes());
        }
    }
}

fn is_pending(looked: &Looked, plan: &Plan) -> bool {
    plan.is_change() || live::is_drifted(&looked.changed)
}
