"""A machine on which targets run, both with Ansible and with homelabctl: controller and managed host at once, as with ansible-test."""
import io
import json
import pathlib
import shlex
import subprocess
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "playbooks"))

from machines import Machine

from targets import STANDING

HERE = pathlib.Path(__file__).resolve().parent
TREE, OUTPUT = "/root/ansible/test/integration", "/root/output"
# called from scripts by these names
PROGRAMS = ("ansible-playbook", "ansible", "ansible-config", "ansible-doc", "ansible-galaxy", "ansible-inventory")

SETUP = """
set -eu
mkdir -p /root/conformance/bin /root/.ssh
cd /root/conformance
touch ansible.cfg
chmod 755 shim.py
for name in {programs}; do ln -sf ../shim.py bin/$name; done
ln -sf /usr/bin/python3 bin/python
# targets that install a package of Python find theirs in `site`
: >bin/virtualenv.sh
ln -sf /bin/true bin/pip
test -e /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cat /root/.ssh/id_ed25519.pub >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
for name in localhost 127.0.0.1 127.0.0.3 127.0.0.4 127.0.0.254; do
    for key in /etc/ssh/ssh_host_*_key.pub; do echo "$name $(cut -d' ' -f1,2 $key)"; done
done >/root/.ssh/known_hosts
rm -f /run/nologin
dpkg --install debs/*.deb >/dev/null
"""


def packed(*folders):
    """A tar archive of folders, each a pair of its path here and its name there."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as archive:
        for path, name in folders:
            archive.add(path, name)
    return text.getvalue()


class Box(Machine):
    """One machine of the test bed."""

    def put(self, archive, folder):
        command = f"sudo -n sh -c {shlex.quote(f'mkdir -p {folder} && tar -xf - --no-same-owner -C {folder}')}"
        subprocess.run([*self.ssh, command], input=archive, check=True, capture_output=True, timeout=300)

    def bring(self, source, packages, programs, program):
        """What does not change between targets."""
        files = [(HERE / "shim.py", "shim.py"), (HERE / "callback", "callback"), (packages, "site"), (source / "test/support", "support"), (programs, "debs")]
        self.put(packed(*files, *([(program, "homelabctl")] if program else [])), "/root/conformance")
        self.root(SETUP.format(programs=" ".join(PROGRAMS)))

    def fresh(self, source, names, inventory):
        """A machine as it was, with the targets `names` on it."""
        self.root((HERE / "reset.sh").read_text())
        targets = source / "test/integration/targets"
        self.put(packed(*((targets / name, f"targets/{name}") for name in names)), TREE)
        self.root(f"mkdir -p {OUTPUT} /root/run && ln -s /root/conformance/support /root/ansible/test/support && cat >{TREE}/inventory <<'END'\n{inventory}END\n")

    def run(self, mode, target, each, whole, theirs=()):
        """Runs a target as ansible-test does; what its calls were. each, whole: seconds that a call, and that all of it may take.

        theirs: the calls that Ansible's run had. Where a script ends before it made all of them, the others are made after it.
        """
        environment = STANDING | {
            "PATH": "/root/conformance/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root",
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "PAGER": "/bin/cat", "OUTPUT_DIR": OUTPUT, "INVENTORY_PATH": f"{TREE}/inventory",
            "CONFORMANCE_MODE": mode, "CONFORMANCE_RUN": "/root/run", "CONFORMANCE_SECONDS": str(each),
        }
        if target.is_script:
            folder, words = f"{TREE}/targets/{target.name}", ["./runme.sh"]
            environment["ANSIBLE_PLAYBOOK_DIR"] = folder
        else:
            folder, words = TREE, ["ansible-playbook", f"{target.name}.yml", "-i", "inventory"]
            environment |= {"ANSIBLE_PLAYBOOK_DIR": TREE, "ANSIBLE_ROLES_PATH": f"{TREE}/targets"}
            self.root(f"cat >{TREE}/{target.name}.yml <<'END'\n{target.playbook(OUTPUT)}\nEND\n")
        done = self.unit(folder, environment, words, whole)
        calls = self.calls()
        made = {call["number"] for call in calls}
        for call in theirs if target.is_script else ():
            if call["number"] not in made and call["program"] == "ansible-playbook":
                self.root(f"printf %s {call['number'] - 1} >/root/run/count")
                self.unit(call["cwd"], environment | call["environment"], ["ansible-playbook", *call["words"]], each + 60)
        return {"exit": done.returncode, "said": (done.stdout + done.stderr)[-4000:], "calls": self.calls()}

    def unit(self, folder, environment, words, whole):
        """Runs something as a unit of its own: nothing of it is left when it ends, or after so many seconds."""
        start = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--unit=conformance", f"--property=RuntimeMaxSec={whole}", f"--working-directory={folder}",
                 *(f"--setenv={name}={value}" for name, value in environment.items()), "env", *words]
        # a shell that is asked for by sudo sees no terminal and no standard input either
        return subprocess.run([*self.ssh, "sudo -n " + shlex.join(start) + " </dev/null"], capture_output=True, text=True, errors="replace", timeout=whole + 60)

    def calls(self):
        done = subprocess.run([*self.ssh, "sudo -n tar -cf - -C /root run"], capture_output=True, check=True, timeout=120)
        calls, events = {}, {}
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            for member in archive.getmembers():
                path = pathlib.PurePath(member.name)
                if len(path.parts) != 2 or not path.stem.isdigit() or not member.isfile():
                    continue
                text = archive.extractfile(member).read().decode("utf-8", "replace")
                if path.suffix == ".json":
                    calls[int(path.stem)] = json.loads(text)
                else:
                    events[int(path.stem)] = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [call | {"events": events.get(number, [])} for number, call in sorted(calls.items())]

    def show_theirs(self, calls):
        """Lays down what Ansible's calls wrote and how they ended, for the shim to say again."""
        with_files = io.BytesIO()
        with tarfile.open(fileobj=with_files, mode="w") as archive:
            for call in calls:
                text = json.dumps({key: call.get(key) for key in ("exit", "out", "err")}).encode()
                entry = tarfile.TarInfo(f"theirs/{call['number']}.json")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text))
        self.put(with_files.getvalue(), "/root/run")
