"""The machines on which the cases run: reached by ssh, brought back to their beginning, looked at."""
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PART = "--part--"


class Machine:
    """One machine of the test bed, called `name` in the cases whatever the test bed calls it."""

    def __init__(self, line, name, folder):
        found = dict(re.findall(r"(ansible_\w+)=(\S+)", line))
        self.name, self.folder = name, folder
        self.address, self.port, self.user = (found[f"ansible_{key}"] for key in ("host", "port", "user"))
        self.key = found["ansible_ssh_private_key_file"]

    def ssh_options(self, known_hosts):
        return f"-F none -o ControlMaster=auto -o ControlPersist=120 -o UserKnownHostsFile={known_hosts} -o LogLevel=ERROR"

    def inventory_line(self):
        return (f"{self.name} ansible_host={self.address} ansible_port={self.port} ansible_user={self.user} "
                f"ansible_ssh_private_key_file={self.key} ansible_python_interpreter=/usr/bin/python3")

    def connect(self, known_hosts):
        control = self.folder / f"{self.name}.control"
        self.ssh = ["ssh", *self.ssh_options(known_hosts).split(), "-o", f"ControlPath={control}", "-i", self.key, "-p", self.port,
                    f"{self.user}@{self.address}"]

    def root(self, script, *words):
        """What a script says that runs as root; its standard input is the script."""
        command = " ".join(["sudo", "-n", "sh", "-s", *words])
        done = subprocess.run([*self.ssh, command], input=script.encode(), capture_output=True, timeout=60)
        if done.returncode != 0:
            raise OSError(f"{self.name}: {done.stderr.decode()}{done.stdout.decode()}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def prepare(self):
        server, key = (HERE / "server.py").read_text(), (HERE.parents[2] / "src/node/openpgp_key.asc").read_text()
        self.root(f"hostname {self.name}; echo {self.name} >/etc/hostname; grep -qw {self.name} /etc/hosts || echo 127.0.1.1 {self.name} >>/etc/hosts; cat >/usr/local/lib/case-key.asc <<'END-OF-KEY'\n{key}\nEND-OF-KEY\ncat >/usr/local/lib/case-server.py <<'END-OF-SERVER'\n{server}\nEND-OF-SERVER\n"
                  "systemctl --quiet stop case-server 2>/dev/null || :\nsystemd-run --quiet --unit=case-server python3 /usr/local/lib/case-server.py\n")

    def leave(self):
        subprocess.run([*self.ssh[:-1], "-O", "exit", self.ssh[-1]], capture_output=True, timeout=20)

    def begin(self, setup):
        self.root(f"{(HERE / 'system.sh').read_text()}{(HERE / 'reset.sh').read_text()}\n{setup}")

    def state(self, normal):
        said = self.root((HERE / "system.sh").read_text() + (HERE / "state.sh").read_text()).split(PART + "\0")
        entries, digests, homes, accounts, system, packages = (
            part.split("\0")[:-1] if number < 3 else part for number, part in enumerate(said)
        )
        digests = dict((line[66:].removeprefix("case/"), line[:64]) for line in digests)
        tree = {}
        for path, kind, mode, user, group, links, target in fields(entries):
            line = f"{kind} {mode.zfill(4)} {user}:{group}"
            if kind == "f":
                line += f" {digests[path]}" + (f" links={links}" if links != "1" else "")
            tree[normal.text(path)] = f"l {user}:{group} -> {normal.text(target)}" if kind == "l" else line
        for path, kind, mode, user, group, _links, target in fields(homes):
            tree[path] = f"l {user}:{group} -> {target}" if kind == "l" else f"{kind} {mode.zfill(4)} {user}:{group}"
        state = {"tree": dict(sorted(tree.items()))}
        if accounts:
            state["accounts"] = sorted(account(line) for line in accounts.splitlines())
        if system:
            state["system"] = sorted(system.splitlines())
        if packages:
            state["packages"] = sorted(packages.splitlines())
        return state


def fields(words):
    return zip(*[iter(words)] * 7, strict=True)


def account(line):
    """A line of an account file; the day on which a password was changed is that of the run."""
    file, _, rest = line.partition(" ")
    if file[1:] == "shadow":
        parts = rest.split(":")
        parts[2] = "DAY" if parts[2].isdigit() and int(parts[2]) > 0 else parts[2]
        rest = ":".join(parts)
    return f"{file} {rest}"
