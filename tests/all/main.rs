//! The tests that need more than our own code: real machines, real programs. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../support/ssh_server/mod.rs"]
mod ssh_server;
#[path = "../testbed/mod.rs"]
mod testbed;

mod cli_help;
mod cli_interrupt;
mod cli_inventory;
mod cli_machines;
mod cli_playbooks;
mod cli_runs;
mod cli_usage;
mod cluster_broken;
mod cluster_commands;
mod cluster_facts;
mod cluster_kubeadm;
mod connections;
mod control_plane;
mod cut_installs;
mod disk_guard;
mod disk_modules;
mod disk_nvme;
mod disk_wipe;
mod disks;
mod etcd_snapshots;
mod facts_local;
mod facts_machines;
mod facts_setup;
mod frames;
mod fuzz_corpus;
mod homelab_modules;
mod homelab_project;
mod hostile;
mod house;
mod inventory_broken;
mod inventory_machines;
mod inventory_records;
mod kubernetes_node;
mod kubernetes_packages;
mod large_files;
mod longhorn_cuts;
mod longhorn_disks;
mod longhorn_faults;
mod many_hosts;
mod many_hosts_inventory;
mod mutants;
mod no_downloaders;
mod node_host;
mod playbook_broken;
mod playbook_records;
mod program;
mod provision_machines;
mod provision_secrets;
mod records_machines;
mod shipped_playbooks;
mod ssh_host_records;
mod ssh_records;
mod steps;
mod template_records;
mod testbed_basics;
mod testbed_traits;
mod testbed_uml;
mod time_server;
mod yaml_records;
