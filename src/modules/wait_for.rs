//! `wait_for`

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::attributes::look;
use super::file::info;
use super::outcome::{Ended, decided, planned};
use super::paths::path as path_of;
use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::node::apply::{Carried, Output};
use crate::node::steps::{Port, Step, Until, WaitFor as Wait, Waited};
use crate::plan::{Difference, Facts, Plan, Stop};

/// Waits until a port, a file or a line in it is as wanted.
pub struct WaitFor;

const STRS: Kind = Kind::List(&Kind::Str);

static SPEC: Spec = Spec {
    options: &[
        Opt::new("host", Kind::Str).about("Whose port").default("127.0.0.1"),
        Opt::new("timeout", Kind::Int).about("How long, in seconds").default("300"),
        Opt::new("connect_timeout", Kind::Int).about("How long one connection may take, in seconds").default("5"),
        Opt::new("delay", Kind::Int).about("How long nothing is looked at in the beginning, in seconds").default("0"),
        Opt::new("port", Kind::Int).about("The port"),
        Opt::new("active_connection_states", STRS)
            .about("Which connections count for `drained`")
            .default("ESTABLISHED,FIN_WAIT1,FIN_WAIT2,SYN_RECV,SYN_SENT,TIME_WAIT"),
        Opt::new("path", Kind::Path).about("The file"),
        Opt::new("search_regex", Kind::Str).about("What must be found in it, or in what the port says"),
        Opt::new("state", Kind::Str)
            .about("What is waited for")
            .default("started")
            .choices(&["absent", "drained", "present", "started", "stopped"]),
        Opt::new("exclude_hosts", STRS).about("Whose connections do not count for `drained`"),
        Opt::new("sleep", Kind::Int).about("How long between two looks, in seconds").default("1"),
        Opt::new("msg", Kind::Str).about("What is said if it does not come"),
    ],
    exclusive: &[&["port", "path"]],
    about: "Waits for a port, a file or a text in either",
    example: "- name: the port is open\n  ansible.builtin.wait_for:\n    port: 6443\n    timeout: 60\n",
    ..Spec::new("ansible.builtin", "wait_for")
};

/// The states of a connection, as /proc/net/tcp numbers them.
const STATES: [(&str, &str); 6] =
    [("ESTABLISHED", "01"), ("SYN_SENT", "02"), ("SYN_RECV", "03"), ("FIN_WAIT1", "04"), ("FIN_WAIT2", "05"), ("TIME_WAIT", "06")];

impl Module for WaitFor {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(until(task, facts).and_then(|until| {
            if task.check {
                let is_so = match &until {
                    Until::There(path) => look(facts, path)?.is_some(),
                    Until::Gone(path) => look(facts, path)?.is_none(),
                    Until::Over => true,
                    _ => false,
                };
                let waits = Act::Pending("only a real run waits for it".into(), Vec::new());
                return Ok(if is_so { Decision::unchanged() } else { Decision { act: waits, ..Decision::unchanged() } });
            }
            let number = |name: &str| task.args.int(name).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
            let step =
                Wait { until, timeout: number("timeout"), delay: number("delay"), sleep: number("sleep"), message: timeout_message(task) };
            let mut change = Plan::change([Step::from(step)]);
            let what = change.steps.first().map(Step::describe);
            change.diff.push(Difference { what: "wait".into(), before: None, after: what });
            Ok(planned(change))
        }))
    }

    fn failed(&self, _task: &Task<'_>, output: &Output) -> Map<String, Value> {
        // what did not begin to wait says nothing
        if output.stdout.is_empty() {
            return Map::new();
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let elapsed = Waited::read(&output.stdout).elapsed;
        Map::from_iter([("elapsed".to_owned(), elapsed.into()), ("msg".to_owned(), message.into())])
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(output) = carried.and_then(|carried| carried.outputs.first()) else { return Ok(Map::new()) };
        let waited = Waited::read(&output.stdout);
        let mut result = Map::new();
        result.insert("changed".into(), false.into());
        result.insert("elapsed".into(), waited.elapsed.into());
        for name in ["state", "port", "path", "search_regex"] {
            result.insert(name.into(), task.args.get(name).cloned().unwrap_or(Value::Null));
        }
        // what is at the path by now: `state` is then what it is
        if let Some(path) = task.args.str("path").filter(|path| !path.is_empty()) {
            match path_of(path, task, facts) {
                Err(Ended::Stop(stop)) => return Err(stop),
                Err(Ended::Fail(_)) => {}
                Ok(path) => result.extend(info(&path, facts)?),
            }
        }
        let (groups, named) = matched(task.args.str("search_regex"), &waited.matched);
        result.insert("match_groups".into(), groups);
        result.insert("match_groupdict".into(), named);
        Ok(result)
    }

    fn is_opaque(&self) -> bool {
        true
    }
}

fn until(task: &Task<'_>, facts: &Facts<'_>) -> Result<Until, Ended> {
    let (args, state) = (task.args, task.args.str("state").unwrap_or("started"));
    let regex = args.str("search_regex").map(str::to_owned);
    if let Some(regex) = &regex {
        fancy_regex::Regex::new(regex).map_err(|error| format!("Invalid regular expression: {error}"))?;
    }
    if args.get("exclude_hosts").is_some() && state != "drained" {
        return Err("exclude_hosts should only be with state=drained".into());
    }
    if let Some(text) = args.str("path").filter(|path| !path.is_empty()) {
        if matches!(state, "stopped" | "drained") {
            return Err(format!("state={state} should only be used for checking a port in the wait_for module").into());
        }
        let path = path_of(text, task, facts)?;
        return Ok(match (state, regex) {
            ("absent", _) => Until::Gone(path),
            (_, Some(regex)) => Until::Line { path, regex },
            (_, None) => Until::There(path),
        });
    }
    let port = match args.int("port").filter(|port| *port != 0) {
        Some(number) => Some(u16::try_from(number).map_err(|_| format!("{number} is not the number of a port"))?),
        None => None,
    };
    let host = args.str("host").unwrap_or("127.0.0.1").to_owned();
    let timeout = args.int("connect_timeout").and_then(|number| u32::try_from(number).ok()).unwrap_or(5);
    let at = |port| Port { host: host.clone(), port, timeout };
    match (port, state, regex) {
        (Some(port), "drained", _) => drained(task, port, &host),
        (None, "drained", _) => Err("state=drained needs a port".into()),
        (None, ..) => Ok(Until::Over),
        (Some(port), "absent" | "stopped", _) => Ok(Until::Closed(at(port))),
        (Some(port), _, Some(regex)) => Ok(Until::Says { port: at(port), regex }),
        (Some(port), _, None) => Ok(Until::Open(at(port))),
    }
}

fn drained(task: &Task<'_>, port: u16, host: &str) -> Result<Until, Ended> {
    // the connections of all of the machine's addresses are looked at
    if !matches!(host, "127.0.0.1" | "0.0.0.0" | "::" | "localhost") {
        return Err(format!("state=drained looks at all of the machine's addresses: leave out the host {host}").into());
    }
    let state = |name: &str| {
        let number = STATES.iter().find(|(known, _)| *known == name).map(|(_, number)| (*number).to_owned());
        number.ok_or_else(|| format!("unknown active_connection_state ({name}) defined"))
    };
    let states = task.args.list("active_connection_states").unwrap_or_default();
    let without = task.args.list("exclude_hosts").unwrap_or_default();
    let address = |text: &str| match text.parse::<IpAddr>() {
        Ok(address) => Ok(hex(address)),
        Err(_) => Err(format!("exclude_hosts takes addresses here, not {text}")),
    };
    Ok(Until::Drained {
        port,
        states: states.into_iter().map(state).collect::<Result<_, _>>()?,
        without: without.into_iter().map(address).collect::<Result<Vec<_>, _>>()?.concat(),
    })
}

/// As /proc/net/tcp writes an address on a machine that has the least byte first: words of four bytes, turned around.
fn hex(address: IpAddr) -> Vec<String> {
    let words = |bytes: &[u8]| bytes.chunks(4).flat_map(|word| word.iter().rev()).map(|byte| format!("{byte:02X}")).collect::<String>();
    match address {
        // a socket of both families has it in the other table
        IpAddr::V4(v4) => vec![words(&v4.octets()), words(&v4.to_ipv6_mapped().octets())],
        IpAddr::V6(v6) => vec![words(&v6.octets())],
    }
}

fn timeout_message(task: &Task<'_>) -> String {
    let args = task.args;
    if let Some(message) = args.str("msg").filter(|message| !message.is_empty()) {
        return message.to_owned();
    }
    let (state, host) = (args.str("state").unwrap_or_default(), args.str("host").unwrap_or_default());
    let search = args.str("search_regex").map(|regex| format!("search string {regex} in ")).unwrap_or_default();
    match (args.str("path"), args.int("port").unwrap_or(0)) {
        (Some(path), _) if state == "absent" => format!("Timeout when waiting for {path} to be absent."),
        (Some(path), _) if search.is_empty() => format!("Timeout when waiting for file {path}"),
        (Some(path), _) => format!("Timeout when waiting for {search}{path}"),
        (None, port) => match state {
            "absent" | "stopped" => format!("Timeout when waiting for {host}:{port} to stop."),
            "drained" => format!("Timeout when waiting for {host}:{port} to drain"),
            _ => format!("Timeout when waiting for {search}{host}:{port}"),
        },
    }
}

/// The groups of the expression in what matched, and those with names.
fn matched(regex: Option<&str>, text: &str) -> (Value, Value) {
    let regex = regex.and_then(|regex| fancy_regex::Regex::new(regex).ok());
    let found = regex.as_ref().and_then(|regex| Some((regex, regex.captures(text).ok()??)));
    let Some((regex, captures)) = found else { return (json!([]), json!({})) };
    let group = |group: Option<fancy_regex::Match<'_>>| group.map_or(Value::Null, |group| group.as_str().into());
    let groups: Vec<Value> = captures.iter().skip(1).map(group).collect();
    let named: Map<String, Value> = regex.capture_names().flatten().map(|name| (name.to_owned(), group(captures.name(name)))).collect();
    (groups.into(), named.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_kernel_writes_them() {
        assert_eq!(hex("127.0.0.1".parse().unwrap()), ["0100007F", "0000000000000000FFFF00000100007F"]);
        assert_eq!(hex("::1".parse().unwrap()), ["00000000000000000000000001000000"]);
    }

    #[test]
    fn groups_come_back() {
        let (groups, named) = matched(Some(r"port (?P<port>\d+)( x)?"), "the port 17");
        assert_eq!((groups, named), (json!(["17", null]), json!({"port": "17"})));
        assert_eq!(matched(None, "a"), (json!([]), json!({})));
    }
}
