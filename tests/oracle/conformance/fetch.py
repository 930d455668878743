"""What is taken from the Python package registry, once, and kept in the cache of the test bed: never in git.

The source package of ansible-core carries its integration targets; the machines get an ansible-core of their own, made for the
Python of Debian 12, because the tests run on the machine itself.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

VERSION = "2.19.14"
# the Python of the throwaway machines, and what ansible-test installs for the targets that say setup_passlib_controller
MACHINE_PYTHON, MACHINE_PACKAGES = "3.11", [f"ansible-core=={VERSION}", "passlib"]

# setfacl, and what tells `stat` the kind of a file
PROGRAMS = ["acl", "file", "libmagic1", "libmagic-mgc", "unzip", "zip"]


def cache():
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return home / "homelabctl-testbed/ansible"


def pip(*words):
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True, stdout=sys.stderr)


def once(folder, make):
    """`folder`, made by `make(folder)` if an earlier run has not finished doing so."""
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        (folder / "done").touch()
    return folder


def download_source(folder):
    pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"ansible-core=={VERSION}")
    with tarfile.open(next(folder.glob("ansible_core-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")


def source():
    """The unpacked source package."""
    return once(cache() / f"{VERSION}-source", download_source) / f"ansible_core-{VERSION}"


def install_for_machine(folder):
    pip("install", "--target", str(folder / "site"), "--python-version", MACHINE_PYTHON, "--only-binary", ":all:", *MACHINE_PACKAGES)


def download_programs(folder):
    subprocess.run(["apt-get", "download", "-q", *PROGRAMS], cwd=folder, check=True, stdout=sys.stderr)


def programs():
    """Debian packages of programs that the targets use and a small machine has not."""
    return once(cache() / f"{VERSION}-programs", download_programs)


def for_machine():
    """A folder of packages for the Python of the machines."""
    return once(cache() / f"{VERSION}-machine", install_for_machine) / "site"
