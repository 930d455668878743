//! The root file systems, each built once and kept: a directory named by the digest of the recipe that made it.

use super::error::{Doing, Result};
use super::process::run;
use homelabctl::disk::filesystem_uuid;
use sha2::{Digest, Sha256};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// A Debian release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// 12
    Bookworm,
    /// 13
    Trixie,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Suite::Bookworm => "bookworm",
            Suite::Trixie => "trixie",
        }
    }
}

const DEBIAN_RECIPE: &str = include_str!("recipe/debian-root.sh");

/// What it does inside a root file system.
const ARCHIVE_RECIPE: &str = include_str!("recipe/archive.sh");

const IMAGE_RECIPE: &str = include_str!("recipe/root-image.sh");

const QEMU_RECIPE: &str = include_str!("recipe/qemu-boot.sh");

const UML_XSTATE: &str = include_str!("uml-xstate.c");

const DISKS_RECIPE: &str = include_str!("recipe/disk-images.sh");

/// What it runs inside a root file system.
const DISKS_PROGRAM: &str = include_str!("recipe/disk-images.py");

/// Where roots and running beds are: `$HOMELABCTL_TESTBED`, or `homelabctl-testbed` in the user's cache directory.
pub fn cache_dir() -> PathBuf {
    let set = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("HOMELABCTL_TESTBED")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("homelabctl-testbed")))
        .unwrap_or_else(|| set("HOME").unwrap_or_else(|| "/root".into()).join(".cache/homelabctl-testbed"))
}

/// The root file system of a suite as a directory, to be used below an overlay. The first call takes about a minute.
pub fn debian(suite: Suite) -> Result<PathBuf> {
    built(&format!("{}-{}", suite.name(), digest(&[DEBIAN_RECIPE, ARCHIVE_RECIPE])), |to| {
        run(recipe(DEBIAN_RECIPE, "debian-root.sh").arg(suite.name()).arg(to))?;
        run(recipe("exec chroot \"$1\" sh -c \"$2\"", "archive.sh").arg(to).arg(ARCHIVE_RECIPE)).map(drop)
    })
}

/// A recipe's command: in namespaces of its own, so that a build that is cut off leaves neither mounts nor processes, and
/// ended with the thread that waits for it (`--pdeathsig`).
pub(super) fn recipe(script: &str, name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["--propagation", "private", "--", "sh", "-c", script, name]).stdin(Stdio::null());
    command
}

/// The disk image of a suite's User-mode Linux machines, to be written over a copy. A quarter of a minute more.
pub fn uml_image(suite: Suite) -> Result<PathBuf> {
    image(suite, Path::new("/usr/lib/uml/modules"), "/dev/ubda")
}

/// The same for QEMU's, with the modules of `boot` (of [`qemu_boot`]).
pub fn qemu_image(suite: Suite, boot: &Path) -> Result<PathBuf> {
    image(suite, &boot.join("modules"), "/dev/vda")
}

fn image(suite: Suite, modules: &Path, device: &str) -> Result<PathBuf> {
    let root = debian(suite)?;
    let parts = [DEBIAN_RECIPE, ARCHIVE_RECIPE, IMAGE_RECIPE, device, &names(modules).join(" ")];
    built(&format!("{}-{}.ext4", suite.name(), digest(&parts)), |to| {
        run(recipe(IMAGE_RECIPE, "root-image.sh").arg(root).arg(to).arg(modules).arg(device)).map(drop)
    })
}

/// The disk image of User-mode Linux machines that become Kubernetes nodes: Debian 12, of which `change` makes another root file
/// system (from, to). `parts` is all that makes the change.
pub(super) fn changed_uml_image(name: &str, parts: &[&str], change: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<PathBuf> {
    let (root, modules) = (debian(Suite::Bookworm)?, Path::new("/usr/lib/uml/modules"));
    let kernel = names(modules).join(" ");
    let parts = [&[DEBIAN_RECIPE, ARCHIVE_RECIPE, IMAGE_RECIPE, &kernel], parts].concat();
    built(&format!("{name}-{}.ext4", digest(&parts)), |to| {
        let changed = to.with_extension("root");
        remove(&changed)?; // of a build that was killed
        change(&root, &changed)?;
        run(recipe(IMAGE_RECIPE, "root-image.sh").arg(&changed).arg(to).arg(modules).arg("/dev/ubda"))?;
        remove(&changed)
    })
}

/// What QEMU's machines boot: a directory with `vmlinuz`, `initrd` and `modules` of Debian's kernel for clouds.
pub fn qemu_boot(suite: Suite) -> Result<PathBuf> {
    built(&format!("qemu-{}-{}", suite.name(), digest(&[QEMU_RECIPE])), |to| {
        run(recipe(QEMU_RECIPE, "qemu-boot.sh").arg(suite.name()).arg(to)).map(drop)
    })
}

/// What is loaded into User-mode Linux (`uml-xstate.c`), compiled with the C compiler that Rust links with.
pub fn uml_preload() -> Result<PathBuf> {
    built(&format!("uml-xstate-{}.so", digest(&[UML_XSTATE])), |to| {
        let source = to.with_extension("c");
        fs::write(&source, UML_XSTATE).doing(|| format!("cannot write {}", source.display()))?;
        run(Command::new("cc").args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(to).arg(&source))?;
        remove(&source)
    })
}

/// A directory of disk images, one for each kind of contents (`recipe/disk-images.py`). A second.
pub fn disk_images() -> Result<PathBuf> {
    let root = debian(Suite::Bookworm)?;
    let uuids: Vec<String> = (1..=11).map(|n| filesystem_uuid(&format!("7e57ed00-0000-4000-8000-{n:012}"))).collect();
    let name = format!("disks-{}", digest(&[DEBIAN_RECIPE, DISKS_RECIPE, DISKS_PROGRAM, &uuids.join(" ")]));
    built(&name, |to| run(recipe(DISKS_RECIPE, "disk-images.sh").arg(root).arg(to).arg(DISKS_PROGRAM).args(uuids)).map(drop))
}

/// The names in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir).into_iter().flatten().filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The entry `name` of the cache; made by `build` if it is missing. Of several processes at once one builds, the others
/// wait. An entry is complete as soon as it has its name. Other recipes' entries are left alone.
pub(super) fn built(name: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let dir = cache_dir().join("roots");
    let entry = dir.join(name);
    if entry.exists() {
        return Ok(entry);
    }
    let _lock = lock(&dir, name)?;
    if entry.exists() {
        return Ok(entry);
    }
    eprintln!("test bed: building {} (once, about a minute)", entry.display());
    let unfinished = dir.join(format!("{name}.unfinished"));
    remove(&unfinished)?; // of a build that was killed: we have the lock, so nobody is at it
    build(&unfinished)?;
    fs::rename(&unfinished, &entry).doing(|| format!("cannot rename {}", unfinished.display()))?;
    Ok(entry)
}

/// Waits for a lock in `dir`; it is held until the file is dropped.
pub fn lock(dir: &Path, name: &str) -> Result<fs::File> {
    let path = dir.join(format!("{name}.lock"));
    let made = fs::create_dir_all(dir).and_then(|()| fs::File::create(&path));
    let file = made.doing(|| format!("cannot make {}", path.display()))?;
    file.lock().doing(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.or_else(|e| if e.kind() == ErrorKind::NotFound { Ok(()) } else { Err(e) }).doing(|| format!("cannot remove {}", path.display()))
}

/// Twelve hex digits over all parts of a recipe.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect()
}
