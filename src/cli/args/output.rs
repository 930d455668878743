//! How results are shown.

use clap::{ArgAction, Args, ValueEnum};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How to show results: text for people, one JSON document at the end, or each event as a line of JSON
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human", hide_possible_values = true)]
    #[arg(
        help = "How to show results: human, json (one document) or jsonl (one event a line) [default: human]",
        hide_default_value = true
    )]
    pub output: OutputFormat,
    /// No colour; the variable NO_COLOR does the same
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Tell what each host does, as it happens, and how long a round trip takes
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for people; hosts with equal answers stand together
    Human,
    /// One JSON document when the run has ended
    Json,
    /// Every event as a line of JSON, as soon as it happens
    Jsonl,
}
