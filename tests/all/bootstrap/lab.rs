//! A cluster without Flux, a GitHub, and the program that is to bring them together.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::testbed::Bed;
use crate::testbed::flux::{self, Flux, NEEDED};
use crate::testbed::github::{Https, Hub, Ssh, TOKEN};
use crate::testbed::kubernetes::{ApiServer, Etcd};

/// All that a bootstrap meets.
pub struct Lab<'bed> {
    pub flux: Flux<'bed>,
    pub hub: Hub,
    pub ssh: Ssh,
    pub https: Https,
    pub api: ApiServer<'bed>,
    pub dir: PathBuf,
    pub etcd: Etcd<'bed>,
}

/// What a run said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl<'bed> Lab<'bed> {
    pub fn new(bed: &'bed Bed) -> Self {
        bed.enter().unwrap();
        let etcd = Etcd::start(bed, 1).unwrap();
        let api = ApiServer::start(bed, &etcd).unwrap();
        let hub = Hub::start();
        let ssh = Ssh::start(bed, &hub).unwrap();
        let https = Https::start(bed, &hub).unwrap();
        let flux = Flux::start(bed, &api, NEEDED).unwrap();
        let dir = bed.dir().join("project");
        std::fs::create_dir_all(dir.join("bootstrap")).unwrap();
        Self { flux, hub, ssh, https, api, dir, etcd }
    }

    /// The program, in an empty project.
    pub fn program(&self) -> Command {
        // who enters a bed is at its root
        let mut command = self.flux.command(Path::new("env"));
        command.arg("-C").arg(&self.dir).arg(env!("CARGO_BIN_EXE_homelabctl"));
        command
    }

    /// As [`Self::program`], with a token and Flux's files at hand.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program();
        command.env("GITHUB_TOKEN", TOKEN).env("NO_COLOR", "1");
        command.arg("bootstrap").arg("--manifests").arg(flux::bundle().unwrap());
        command.arg("--ca-file").arg(self.https.authority()).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments))
    }

    /// As [`Self::run`], with a repository, a path and no question; it has to be done.
    pub fn done(&self, arguments: &[&str]) -> Said {
        let said = self.run(&[&["--owner=wbyc", "--repository=lab", "--personal", "--path=clusters/lab", "--yes"], arguments].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        said
    }

    pub fn object(&self, path: &str) -> Value {
        let (status, text) = self.api.ask("GET", path, None).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

pub fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}
