//! `homelabctl provision`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::super::args::{self, ConnectionArgs, OutputArgs, OutputFormat, Unresolved};
use super::super::environment::Environment;
use super::super::interrupt::Interrupt;
use super::super::inventory::{no_hosts, within};
use super::super::listed::listed;
use super::super::machines::Fleet;
use super::super::named_playbooks::chosen;
use super::super::playbooks::{handlers_may_miss, load_and_check, plain_hosts, searched};
use super::super::run::{Run, listening};
use super::super::session::Shared;
use super::super::targets::Ready;
use super::super::unmatched::unmatched;
use super::super::{ansible_cfg, asked, retry, screen, show};
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode};
use crate::engine::{Engine, Options, Question, Setting};
use crate::inventory::{Inventory, Pattern};
use crate::playbook::{Playbook, VarsPrompt};
use crate::report::{Answer, Event, HostAnswer, Outcome, Secrets};

/// Run playbooks on machines: make them as the playbooks say
///
/// Everything is checked before anything is contacted. A run in which nothing has to change reads each machine in one message
/// there and back; what is changed is shown.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// The playbooks: files, or short names such as `tuning` [default: `site.yml`, `playbooks/site.yml`, or the built-in `site`]
    #[arg(value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten)]
    pub tasks: TaskArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Tasks")]
pub struct TaskArgs {
    /// Change nothing; show what would be changed
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show contents as they were and as they will be
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Only tasks with one of these tags (with commas; may be given several times)
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No tasks with one of these tags
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Ask before each task whether it is to be done
    #[arg(long)]
    pub step: bool,
    /// Format disks that hold nothing without asking
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Begin with the task of this name (`*` and `?` stand for letters)
    #[arg(long, value_name = "TASK")]
    pub start_at_task: Option<String>,
    /// Run the handlers that were notified also on hosts that failed
    #[arg(long)]
    pub force_handlers: bool,
    /// Exit with 3 if something was changed, or would be
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Show the hosts of each play, and run nothing
    #[arg(long)]
    pub list_hosts: bool,
    /// Show the tasks of each play, and run nothing
    #[arg(long)]
    pub list_tasks: bool,
    /// Show the tags of each play, and run nothing
    #[arg(long)]
    pub list_tags: bool,
}

pub fn run(args: &ProvisionArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, began| prepared(args, output, environment, interrupt, secrets, began))
}

fn prepared(
    args: &ProvisionArgs,
    output: &OutputArgs,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
    began: Instant,
) -> Result<ExitCode, Unresolved> {
    let mut problems = Diagnostics::new();
    let settings = ansible_cfg::read(environment, &mut problems);
    let paths = chosen(&args.playbooks, environment, &mut problems);
    if paths.is_empty() {
        return Err(Unresolved::Wrong(problems));
    }
    let connection = &args.connection;
    let checked = load_and_check(&paths, &connection.source, &settings, environment, &interrupt.terminal, secrets, &mut problems)?;
    let limit = retry::limit(connection.limit.limit.as_ref(), environment, &mut problems);
    let named = checked.playbooks;
    let loaded = checked.loaded;
    if let Some(text) = &limit
        && let Err(wrong) = Pattern::new("--limit", text).select(&loaded.inventory)
    {
        problems.extend(wrong);
    }
    // hosts of a pattern that is a template, and those that the run adds, are looked up when they are wanted
    let mut hosts: Vec<Arc<str>> = Vec::new();
    for play in named.iter().flat_map(|(_, playbook)| &playbook.plays) {
        let Some(pattern) = plain_hosts(play) else { continue };
        for host in within(&loaded.inventory, &pattern, limit.as_deref()).unwrap_or_default() {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    if args.tasks.list_hosts || args.tasks.list_tasks || args.tasks.list_tags {
        let ((), warnings) = problems.or(())?;
        show::warn(output, environment, &warnings, secrets);
        let text = listed(&named, &loaded, limit.as_deref(), &args.tasks);
        return Ok(screen::print(text.as_bytes()));
    }
    // in the wrong folder, a run of nothing would look like success
    let all_plain = named.iter().flat_map(|(_, playbook)| &playbook.plays).all(|play| plain_hosts(play).is_some());
    if hosts.is_empty() && all_plain && loaded.inventory.is_empty() && !loaded.inventory.is_incomplete() {
        problems.push(no_hosts(&loaded));
    }
    unmatched(&named, &loaded, &args.tasks).into_iter().for_each(|problem| problems.push(problem));
    let playbooks: Vec<Playbook> = named.into_iter().map(|(_, playbook)| playbook).collect();
    if args.tasks.step && !interrupt.terminal.is_there() {
        problems.push(Diagnostic::error("`--step` asks a person, and there is no terminal").hint("leave it out"));
    }
    let mut chosen = args::of_loaded(loaded, hosts, connection, &settings, environment, &mut problems);
    let run = Run { command: "provision", pattern: "all", connection, output, all_facts: false, diff: args.tasks.diff, environment };
    let ready = run.prepare_chosen(&mut chosen, problems, interrupt, secrets)?;
    let (roles, collections) = searched(&settings, environment);
    let forks = ready.forks;
    let chosen = Arc::new(chosen);
    let options = Options {
        check: args.tasks.check,
        diff: args.tasks.diff,
        forks,
        tags: args.tasks.tags.clone(),
        skip_tags: args.tasks.skip_tags.clone(),
        force_handlers: args.tasks.force_handlers,
        handlers_may_miss: handlers_may_miss(&settings),
        step: args.tasks.step,
        yes: args.tasks.yes,
        start_at_task: args.tasks.start_at_task.clone(),
        results: output.output != OutputFormat::Human,
        gathering: settings.gathering.as_ref().map(|setting| setting.value).unwrap_or_default(),
    };
    let check = options.check;
    let config_file = settings.file.as_ref().map(|source| PathBuf::from(&*source.name));
    let conduct = async |shared: Arc<Shared>, hosts: Vec<Ready>, _: usize| {
        let reporter = shared.reporter.clone();
        let told = reporter.clone();
        let loaded = chosen.loaded();
        let limited = limit.clone();
        let (terminal, at_terminal) = (interrupt.terminal.clone(), interrupt.terminal.clone());
        let (suspends, leaves, stop) = (reporter.clone(), reporter.clone(), shared.cancelled.clone());
        let (hidden, seen, sources) = (secrets.clone(), secrets.clone(), loaded.sources());
        let setting = Setting {
            inventory: Arc::clone(&loaded.inventory),
            inventory_sources: connection.source.inventory.clone(),
            limit: limit.clone(),
            keys: Arc::clone(&loaded.keys),
            template: Arc::clone(&loaded.engine),
            config_file: config_file.clone(),
            roles,
            collections,
            dir: environment.working_dir.clone(),
            select: Box::new(move |inventory: &Inventory, pattern: &str| within(inventory, pattern, limited.as_deref())),
            reread: Box::new(move || sources.again(&seen)),
            ask: Box::new(move |prompt: &VarsPrompt| {
                let answer = leaves.suspended(|| asked::variable(&terminal, prompt));
                if prompt.private {
                    // one that is too short is the person's own choice
                    let _ = hidden.register_all(answer.as_deref());
                }
                answer
            }),
            person: Arc::new(move |question: Question| suspends.suspended(|| asked::question(&at_terminal, &question, &stop))),
            tell: Box::new(move |event: Event| told.tell(event)),
        };
        let cancelled = shared.cancelled.clone();
        let fleet = Fleet::new(shared, Arc::clone(&chosen), environment, hosts);
        let engine = Engine::new(fleet, setting, options, cancelled);
        let ends = engine.run(&playbooks).await;
        engine.machines().release().await;
        if !check && let Err(error) = retry::note(&ends, environment) {
            let why = crate::diagnostics::reason(&error);
            reporter.tell(Event::warning(format!("which hosts failed is not noted down, so `--limit @retry` does not know them: {why}")));
        }
        let mut outcomes = Vec::new();
        for end in ends {
            outcomes.push(end.outcome);
            let answer = HostAnswer {
                host: end.host,
                outcome: end.outcome,
                answer: Some(Answer::Tasks(end.tasks)),
                problem: end.problem,
                elapsed_ms: show::millis(began),
                round_trips: end.round_trips,
            };
            reporter.tell(Event::HostFinished(answer));
        }
        outcomes
    };
    let detailed = args.tasks.detailed_exitcode;
    let code = move |outcomes: &[Outcome]| {
        let good = outcomes.iter().all(|outcome| outcome.is_good());
        (detailed && good && outcomes.contains(&Outcome::Changed)).then_some(ExitCode::ChangesPending)
    };
    Ok(run.go(ready, interrupt, secrets.clone(), began, conduct, code))
}
