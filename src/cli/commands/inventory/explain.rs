//! `homelabctl inventory explain`

use clap::Args;
use serde_json::{Value, json};

use super::super::super::args::{OutputArgs, OutputFormat, SourceArgs};
use super::super::super::columns::columns;
use super::super::super::inventory::Loaded;
use super::find;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::inventory::{Setting, is_secret, suggestion, where_it_stands};
use crate::report::escape;
use crate::yaml::{MASKED, one_line};

/// Tell where a host's variable comes from: each place that sets it, in order, and which one counts
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    pub host: String,
    /// The variable's name
    #[arg(value_name = "VARIABLE")]
    pub variable: String,
    #[command(flatten)]
    pub source: SourceArgs,
}

impl ExplainArgs {
    pub(super) fn show(&self, loaded: &Loaded, output: &OutputArgs, problems: &mut Diagnostics) -> String {
        let Some(host) = find(loaded, &self.host, problems) else { return String::new() };
        let inventory = &loaded.inventory;
        let settings: Vec<Setting<'_>> = inventory.settings(host).filter(|setting| *setting.variable.name == *self.variable).collect();
        let variables = inventory.variables(host);
        let Some(value) = variables.get(self.variable.as_str()) else {
            let error = Diagnostic::error(format!("nothing sets `{}` for {}", self.variable, host.name));
            let error = error.at(Source::new("VARIABLE", self.variable.as_str()).whole());
            problems.push(match suggestion(&self.variable, variables.keys().copied()) {
                Some(label) => error.label(label),
                None => error.hint(format!("`homelabctl inventory host {}` shows all that is set", host.name)),
            });
            return String::new();
        };
        let last = settings.len().saturating_sub(1);
        if output.output != OutputFormat::Human {
            let setting = |(index, setting): (usize, &Setting<'_>)| {
                let (line, column) = setting.variable.place.line_column();
                json!({
                    "file": &*setting.variable.place.source.name, "line": line, "column": column, "level": setting.level.to_string(),
                    "value": loaded.shown_json(host, &self.variable, &setting.variable.value), "counts": index == last,
                })
            };
            let settings: Vec<Value> = settings.iter().enumerate().map(setting).collect();
            let shown = loaded.shown_json(host, &self.variable, value);
            let document = json!({ "host": &*host.name, "variable": self.variable, "value": shown, "settings": settings });
            return if output.output == OutputFormat::Json { format!("{document:#}\n") } else { format!("{document}\n") };
        }
        let head = format!("{} of {} is {}\n\n", self.variable, host.name, escape::line(&loaded.shown(host, &self.variable, value)));
        let rows: Vec<Vec<String>> = settings
            .iter()
            .enumerate()
            .map(|(index, setting)| {
                let mark = if index == last { "counts" } else { "" };
                // as it stands there, so that it is found again; only what must not be seen is not
                let value = match loaded.shown(host, &self.variable, &setting.variable.value) {
                    shown if shown == MASKED && !setting.variable.value.is_template() => shown,
                    _ if is_secret(&self.variable) => MASKED.to_owned(),
                    _ => one_line(&setting.variable.value),
                };
                vec![mark.to_owned(), where_it_stands(&setting.variable.place), setting.level.to_string(), escape::line(&value)]
            })
            .collect();
        head + &columns(&rows)
    }
}
