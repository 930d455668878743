//! Which hosts, and how to get to them: the flags that Ansible's users know.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
pub struct ConnectionArgs {
    #[command(flatten)]
    pub hosts: HostArgs,
    #[command(flatten)]
    pub login: LoginArgs,
    #[command(flatten)]
    pub become_user: BecomeArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Hosts")]
pub struct HostArgs {
    /// Hosts with commas (`m1,m2,`), or a file with a host a line and `[group]` sections; may be given several times
    #[arg(short, long, value_name = "HOSTS|FILE")]
    pub inventory: Vec<String>,
    /// Only those of the hosts that match this too
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// How many hosts at the same time
    #[arg(short, long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub forks: u16,
    /// Variables about the connection for all hosts: NAME=VALUE, a JSON object, or @FILE with one
    #[arg(short, long, value_name = "VARIABLES")]
    pub extra_vars: Vec<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct LoginArgs {
    /// Connect as this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Try this key before others
    #[arg(long, alias = "key-file", value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Ask for the login's password
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub ask_pass: bool,
    /// Read the login's password from a file (`-`: from stdin)
    #[arg(long, alias = "conn-pass-file", value_name = "FILE")]
    pub connection_password_file: Option<PathBuf>,
    /// By ssh, or on this machine itself
    #[arg(short, long, value_name = "KIND", hide_possible_values = true)]
    #[arg(help = "How to connect: ssh, or local for this machine itself [default: ssh]")]
    pub connection: Option<ConnectionKind>,
    /// Seconds until a connection has to be there
    #[arg(short = 'T', long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub timeout: Option<u32>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Privileges")]
pub struct BecomeArgs {
    /// Work as another user by sudo
    #[arg(short, long = "become")]
    pub becomes: bool,
    /// Work as this user
    #[arg(long, value_name = "USER")]
    #[arg(help = "Work as this user [default: root]")]
    pub become_user: Option<String>,
    /// Ask for the password that sudo wants
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub ask_become_pass: bool,
    /// Read the password that sudo wants from a file (`-`: from stdin)
    #[arg(long, alias = "become-pass-file", value_name = "FILE")]
    pub become_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConnectionKind {
    Ssh,
    Local,
}
