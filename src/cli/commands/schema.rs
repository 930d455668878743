//! `homelabctl schema`

use clap::Args;

use super::super::screen;
use crate::cluster::settings::schema;
use crate::diagnostics::ExitCode;

/// Print a JSON Schema of the settings of the cluster, for editors
///
/// It is of a file that may hold the variable `cluster` beside others, such as `group_vars/all.yml`. Editors that know YAML show
/// what each setting is for, and underline what cannot be right. For those with yaml-language-server the first line of that file
/// is `# yaml-language-server: $schema=cluster.schema.json`, after `homelabctl schema > inventory/group_vars/cluster.schema.json`.
#[derive(Debug, Args)]
pub struct SchemaArgs {}

pub fn run(_args: &SchemaArgs) -> ExitCode {
    screen::print(format!("{:#}\n", schema()).as_bytes())
}
