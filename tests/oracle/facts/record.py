#!/usr/bin/env python3
"""Records which facts the real `ansible -m setup` finds on a machine of the test bed.

    cargo run --example nodes -- --count 1 --debian 12 --run -- VENV/bin/python record.py --ansible-dir VENV --debian 12

tests/records/facts/debianN.json says of each fact, without `ansible_` before it, its value; or, of those that depend on the day,
on the machine that the test bed runs on or on an accident (MOVING), what kind of value it is.
"""
import argparse
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import tempfile

RECORDS = pathlib.Path(__file__).resolve().parents[3] / "tests/records/facts"
MOVING = [
    # the day
    "date_time", "loadavg", "uptime_seconds", "*_mb", "memory_mb", "mounts", "ssh_host_key_*_public", "machine_id", "env",
    # the machine below
    "kernel", "kernel_version", "architecture", "machine", "userspace_*", "processor*", "flags", "cmdline", "proc_cmdline", "bios_*",
    "board_*", "chassis_*", "product_*", "system_vendor", "form_factor", "devices", "device_links", "virtualization_tech_*", "apparmor", "fips",
    # the test bed's names and addresses
    "hostname", "nodename", "fqdn", "domain", "interfaces", "all_ipv*_addresses", "default_ipv*", "dns", "host0", "eth*", "ve-*", "hostnqn", "locally_reachable_ips",
]
KINDS = {dict: "map", list: "list", str: "text", bool: "boolean", int: "number", float: "number", type(None): "nothing"}


def main():
    words = argparse.ArgumentParser(description="records the facts that Ansible finds")
    words.add_argument("--ansible-dir", type=pathlib.Path, required=True)
    words.add_argument("--debian", type=int, required=True)
    words = words.parse_args()
    inventory = pathlib.Path(os.environ["HOMELABCTL_INVENTORY"])
    name = re.search(r"^(\S+).*ansible_host=", inventory.read_text(), re.M).group(1)
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": f"{words.ansible_dir}/bin:/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8", "TZ": "UTC", "ANSIBLE_NOCOLOR": "1",
               "ANSIBLE_SSH_ARGS": f"-F none -o UserKnownHostsFile={os.environ['HOMELABCTL_KNOWN_HOSTS']}"}
        subprocess.run([words.ansible_dir / "bin/ansible", name, "-i", inventory, "-b", "-m", "setup", "--tree", f"{folder}/facts"],
                       env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = json.loads(pathlib.Path(folder, "facts", name).read_text())["ansible_facts"]
    told = {"facts": {}, "moving": {}}
    for key, value in sorted(found.items()):
        key = key.removeprefix("ansible_")
        if any(fnmatch.fnmatchcase(key, pattern) for pattern in MOVING):
            told["moving"][key] = KINDS[type(value)]
        else:
            told["facts"][key] = value
    RECORDS.mkdir(exist_ok=True)
    (RECORDS / f"debian{words.debian}.json").write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


main()
