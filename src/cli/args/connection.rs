//! Which hosts, and how to get to them: the flags that Ansible's users know.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where hosts and their variables come from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Inventory")]
pub struct SourceArgs {
    /// An inventory: a file (INI, YAML, a program), a directory of them, or hosts with commas (`m1,m2,`); may be given
    /// several times
    #[arg(short, long, value_name = "PATH|HOSTS", alias = "inventory-file")]
    #[arg(help = "A file (INI, YAML, a program), a directory of them, or hosts with commas (`m1,m2,`); several times, a later one counts")]
    pub inventory: Vec<String>,
    /// Variables that come before all others: NAME=VALUE, YAML or JSON in braces, or @FILE
    #[arg(short, long, value_name = "VARIABLES")]
    pub extra_vars: Vec<String>,
    /// Where group_vars and host_vars are looked for beside those of the inventory [default: the working directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub playbook_dir: Option<PathBuf>,
    /// Ask for the password of what ansible-vault encrypted
    #[arg(short = 'J', long, alias = "ask-vault-password")]
    pub ask_vault_pass: bool,
    /// Read the vault password from a file, or from what a program prints; may be given several times
    #[arg(long, alias = "vault-pass-file", value_name = "FILE")]
    pub vault_password_file: Vec<PathBuf>,
    /// One of several vault passwords by its name: NAME@FILE, NAME@prompt
    #[arg(long, value_name = "NAME@SOURCE")]
    pub vault_id: Vec<String>,
}

/// Which of the hosts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Hosts")]
pub struct LimitArgs {
    /// Only those of the hosts that match this too; `@FILE` for a file of patterns
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ConnectionArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub limit: LimitArgs,
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
    /// How many hosts at the same time [default: 100]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub forks: Option<u16>,
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
