//! The help texts, the completions and the manual: a change in them is seen.

use crate::program::Program;

#[test]
fn help_texts() {
    let program = Program::new();
    for command in [
        "",
        "ping",
        "facts",
        "exec",
        "check",
        "inventory",
        "inventory list",
        "inventory graph",
        "inventory host",
        "inventory explain",
        "disk",
        "disk list",
        "disk explain",
        "disk select",
        "disk wipe",
        "cluster",
        "cluster status",
        "cluster kubeconfig",
        "cluster etcd-snapshot",
        "bootstrap",
        "playbooks",
        "playbooks eject",
        "doc",
        "schema",
        "provision",
        "completions",
        "man",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ran = program.run(&arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        insta::assert_snapshot!(format!("help_{}", command.replace(" ", "_")), ran.stdout);
    }
    assert_eq!(program.run(&["--version"]).stdout, format!("homelabctl {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_for_every_shell() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = program.run(&["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.stdout.contains("become-password-file"), "{shell}");
    }
    insta::assert_snapshot!("completions_fish", program.run(&["completions", "fish"]).stdout);
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let program = Program::new();
    insta::assert_snapshot!("man", program.run(&["man"]).stdout);
    assert_eq!(program.run(&["man", "pages"]).code, Some(0));
    let mut pages: Vec<_> =
        std::fs::read_dir(program.path("pages")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    let expected = [
        "-bootstrap",
        "-check",
        "-cluster-etcd-snapshot",
        "-cluster-kubeconfig",
        "-cluster-status",
        "-cluster",
        "-completions",
        "-disk-explain",
        "-disk-list",
        "-disk-select",
        "-disk-wipe",
        "-disk",
        "-doc",
        "-exec",
        "-facts",
        "-inventory-explain",
        "-inventory-graph",
        "-inventory-host",
        "-inventory-list",
        "-inventory",
        "-man",
        "-ping",
        "-playbooks-eject",
        "-playbooks-list",
        "-playbooks-show",
        "-playbooks",
        "-preflight",
        "-provision",
        "-schema",
        "",
    ]
    .map(|name| format!("homelabctl{name}.1"));
    assert_eq!(pages, expected);
    insta::assert_snapshot!("man_exec", std::fs::read_to_string(program.path("pages/homelabctl-exec.1")).unwrap());
    // a directory that cannot be made
    program.file("taken", "");
    assert_eq!(program.run(&["man", "taken/pages"]).code, Some(1));
}
