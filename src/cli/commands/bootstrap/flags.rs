//! Flags of settings, named as the Flux CLI names them: one for each field that a person may say.

use clap::builder::{ArgAction, BoolishValueParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use secrecy::SecretString;

use crate::gitops::settings::{FIELDS, Field, InFile, Kind, Layer, Value};

/// What was said by flags.
#[derive(Debug, Clone, Default)]
pub struct SettingsFlags(pub Layer);

/// Fields that have a flag; a token on a command line would be seen by everybody on the machine.
fn fields() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(|field| field.in_file != InFile::Never && field.key != "token" && field.key != "cluster-uid")
}

fn about(field: &Field) -> String {
    let mut letters = field.about.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

fn flag(field: &'static Field) -> Arg {
    let arg = Arg::new(field.key).long(field.key).help(about(field)).help_heading("Settings, also in bootstrap/flux.yaml");
    let name = match field.key {
        "ca-file" | "manifests" | "kubeconfig" => "FILE",
        "interval" | "timeout" => "TIME",
        "registry-creds" => "USER:PASSWORD",
        _ => "VALUE",
    };
    match field.kind {
        Kind::Bool => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false")
            .value_parser(BoolishValueParser::new())
            .action(ArgAction::Set),
        Kind::List => arg.value_name("A,B").value_delimiter(',').action(ArgAction::Append),
        Kind::Text | Kind::Secret => arg.value_name(name).action(ArgAction::Set),
    }
}

impl FromArgMatches for SettingsFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut layer = Layer::default();
        for field in fields() {
            let value = match field.kind {
                Kind::Bool => matches.get_one::<bool>(field.key).map(|truth| Value::Bool(*truth)),
                Kind::List => matches.get_many::<String>(field.key).map(|list| Value::List(list.cloned().collect())),
                Kind::Text => matches.get_one::<String>(field.key).map(|text| Value::Text(text.clone())),
                Kind::Secret => matches.get_one::<String>(field.key).map(|text| Value::Secret(SecretString::from(text.as_str()))),
            };
            if let Some(value) = value {
                (field.set)(&mut layer, value);
            }
        }
        Ok(Self(layer))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingsFlags {
    fn augment_args(command: Command) -> Command {
        fields().fold(command, |command, field| command.arg(flag(field)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> Layer {
        let command = SettingsFlags::augment_args(Command::new("bootstrap"));
        let matches = command.try_get_matches_from([&["bootstrap"], words].concat()).unwrap();
        SettingsFlags::from_arg_matches(&matches).unwrap().0
    }

    #[test]
    fn flags_are_said_as_to_the_flux_cli() {
        let layer = said(&["--owner=pat", "--personal", "--private=false", "--components", "source-controller,kustomize-controller"]);
        assert_eq!(layer.owner.as_deref(), Some("pat"));
        assert_eq!((layer.personal, layer.private, layer.token_auth), (Some(true), Some(false), None));
        assert_eq!(layer.components.unwrap(), ["source-controller", "kustomize-controller"]);
    }

    #[test]
    fn a_token_is_no_flag() {
        let command = SettingsFlags::augment_args(Command::new("bootstrap"));
        assert!(command.try_get_matches_from(["bootstrap", "--token=x"]).is_err());
    }
}
