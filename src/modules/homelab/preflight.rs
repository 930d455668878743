//! `homelab.preflight`

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::preflight::{Finding, Host, Looking, Next, Severity, findings};
use crate::cluster::settings::{Role, Settings};
use crate::diagnostics::Diagnostics;
use crate::modules::{Came, Course, Doing, Failed, How, Kind, Opt, PlayFacts, PlayModule, PlayTask, Spec, Turn, node};
use crate::node::apply::Output;
use crate::plan::Refusal;

/// Nothing of the machines of a play stands in the way of a cluster.
#[derive(Debug)]
pub struct HomelabPreflight;

static SPEC: Spec = Spec {
    options: &[Opt::new("cluster", Kind::Dict)
        .required()
        .about("The settings of the cluster (docs/cluster-settings.md), the same for all hosts")],
    about: "Refuses machines that cannot become a cluster, with everything that stops it at once; changes nothing",
    notes: &[
        "It is called once for all hosts of the play: each is looked at, and all of them against each other. `homelabctl preflight` shows the same by itself.",
        "Whether machines reach each other at the ports that they need is tried by short-lived listeners on those that nobody has. They end by themselves after a minute, whatever happens.",
        "A host is refused if something was found there that stops a cluster and that no later part of `site` sets up. `ignore_preflight_errors` of the settings makes such a finding a warning, by its name.",
        "What could not be looked at is warned about, and refuses nothing.",
        "`findings` is registered: a list of `severity` (`error`, `unknown`, `warning`, `planned`), `check`, `hosts`, `seen`, `why` and `todo`.",
    ],
    example: "- name: Nothing stands in the way of a cluster\n  homelab.preflight:\n    cluster: \"{{ cluster }}\"\n",
    ..Spec::new("homelab", "preflight")
};

impl PlayModule for HomelabPreflight {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn begin(&self, task: &PlayTask<'_>) -> Result<Box<dyn Course>, Refusal> {
        let given = task.args.get("cluster").cloned().unwrap_or_default();
        let mut problems = Diagnostics::new();
        // they were looked at before the first connection, and an end of life was told then; they may have been templates
        let Some(settings) = Settings::read(&node(&given, task.place), "1970-01-01", &mut problems) else {
            let why: Vec<String> = problems.0.into_iter().map(|problem| problem.message).collect();
            return Err(Refusal { why: why.join("; "), hint: Some("docs/cluster-settings.md has all settings".to_owned()) });
        };
        let role = |groups: &[String]| settings.role(groups.iter().map(String::as_str));
        let control_planes = task.hosts.iter().filter(|host| role(&host.groups) == Some(Role::ControlPlane)).count();
        let (mut nodes, mut others) = (Vec::new(), Vec::new());
        for host in task.hosts {
            match (&host.apart, role(&host.groups)) {
                (None, Some(role)) => nodes.push(Host { name: host.name.clone(), role, address: host.address }),
                (None, None) => others.push(host.name.clone()),
                (Some(_), _) => {}
            }
        }
        let began = Timestamp::now().as_millisecond();
        let token = format!("{:016x}", rand::random::<u64>());
        let looking = Looking::new(settings.clone(), nodes.clone(), control_planes, token);
        Ok(Box::new(Preflight { settings, nodes, others, looking, began }))
    }
}

/// One call.
struct Preflight {
    settings: Settings,
    nodes: Vec<Host>,
    /// Hosts of the play that become no nodes.
    others: Vec<String>,
    looking: Looking,
    /// In milliseconds since 1970.
    began: i64,
}

impl Course for Preflight {
    fn hosts(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.name.clone()).collect()
    }

    fn next(&mut self, hosts: &PlayFacts<'_>) -> Turn {
        let facts = |name: &str| hosts.of(name).ok();
        let now = self.began.saturating_add(i64::try_from(hosts.elapsed.as_millis()).unwrap_or(i64::MAX));
        match self.looking.next(&facts, now) {
            Next::Read(need) => Turn::Read(need),
            Next::Done(evidence) => {
                let found = findings(&self.settings, &evidence);
                let came = |node: &Host| match hosts.of(&node.name) {
                    Ok(_) => came(&node.name, &found),
                    Err(why) => Came::new(How::Unreachable(why.to_owned())),
                };
                let nodes = self.nodes.iter().map(|node| (node.name.clone(), came(node)));
                let others =
                    self.others.iter().map(|name| (name.clone(), Came::new(How::Skipped("it is no node of the cluster".to_owned()))));
                Turn::Done(nodes.chain(others).collect())
            }
        }
    }

    fn came(&mut self, _: &Doing, _: Result<Vec<Output>, Failed>) {}
}

/// What the findings mean for a host.
fn came(host: &str, found: &[Finding]) -> Came {
    let of: Vec<&Finding> = found.iter().filter(|finding| finding.nodes.iter().any(|node| node == host)).collect();
    let errors: Vec<&Finding> = of.iter().filter(|finding| finding.severity == Severity::Error).copied().collect();
    let how = if errors.is_empty() {
        How::Good
    } else {
        let why = errors.iter().map(|finding| format!("{} ({})", finding.seen, finding.check)).collect::<Vec<_>>().join("; ");
        let mut todo: Vec<&str> = errors.iter().map(|finding| finding.todo.as_str()).collect();
        todo.dedup();
        let hint = format!("{}\nwhy each of them matters:  homelabctl preflight", todo.join("\n"));
        How::Refused(Refusal { why, hint: Some(hint) })
    };
    let mut came = Came::new(how);
    // a warning of several hosts is told once, with the first of them
    let is_told = |finding: &&&Finding| {
        matches!(finding.severity, Severity::Warning | Severity::Unknown) && finding.nodes.first().is_some_and(|first| first == host)
    };
    let warnings: Vec<Value> = of
        .iter()
        .filter(is_told)
        .map(|finding| format!("{}: {} ({})", finding.nodes.join(" "), finding.seen, finding.check).into())
        .collect();
    if !warnings.is_empty() {
        came.result.insert("warnings".to_owned(), warnings.into());
    }
    came.result.insert("findings".to_owned(), of.iter().map(|finding| shown(finding)).collect());
    came
}

fn shown(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.to_string(), "check": finding.check, "hosts": finding.nodes,
        "seen": finding.seen, "why": finding.why, "todo": finding.todo,
    })
}
