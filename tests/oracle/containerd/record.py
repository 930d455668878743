"""What containerd itself makes of the configurations that homelab.containerd edits.

Builds containerd of each version from its Go module, and writes what `containerd config dump` prints of
tests/records/containerd/before/CASE.toml and of after/VERSION/CASE.toml beside them, under dump/VERSION. The latter are written
by `HOMELABCTL_WRITE_DOCS=1 cargo test --lib containerd::recorded`, which compares them otherwise.
"""

import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RECORDS = HERE.parent.parent / "records" / "containerd"
# the last of each series that its packages come from: 1.7 in Debian 13 and Ubuntu 24.04, 2.x in Docker's
VERSIONS = ("1.7.27", "2.1.4", "2.3.0")


def cache():
    base = os.environ.get("HOMELABCTL_TESTBED")
    return pathlib.Path(base or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "homelabctl-testbed")


def build(version):
    program = cache() / "programs" / f"containerd-v{version}" / "containerd"
    if program.exists():
        return program
    module = "github.com/containerd/containerd" + ("/v2" if version.startswith("2") else "")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *words, **more: subprocess.run(words, cwd=folder, check=True, env={**os.environ, "CGO_ENABLED": "0", **more})
        run("go", "mod", "init", "testbed.invalid/containerd")
        run("go", "get", f"{module}/cmd/containerd@v{version}")
        stamp = f"-s -w -X {module}/version.Version=v{version}"
        run("go", "build", "-trimpath", "-ldflags", stamp, "-o", f"{program}.new", f"{module}/cmd/containerd")
    os.rename(f"{program}.new", program)
    return program


def dump(program, config):
    """Its text, or what it complains of; the file's own name is that which a machine has."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "config.toml"
        path.write_text(config.read_text())
        done = subprocess.run([program, "--config", path, "config", "dump"], capture_output=True, text=True)
        text = done.stdout if done.returncode == 0 else "".join(f"# {line}\n" for line in done.stderr.splitlines() if "level=warning" not in line)
        return text.replace(str(path), "/etc/containerd/config.toml")


def main():
    for version in VERSIONS:
        program = build(version)
        for kind, folder in (("before", RECORDS / "before"), ("after", RECORDS / "after" / version)):
            for config in sorted(folder.glob("*.toml")):
                to = RECORDS / "dump" / version / f"{config.stem}-{kind}.toml"
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_text(dump(program, config))


main()
