"""What of a result depends on the day, the machine or an accident, and what stands in its place.

Paths      CASE: the folder of the case, HOME: the home of who runs ansible-playbook, TMP: the temporary folders of Ansible.
Names      tempfile's `ansible.RANDOM`, what a package's file is called that came from a server, backup files' `PID.DATE~`, the numbers of asynchronous jobs, addresses in
           memory; how many files dpkg's database has; the words that mean booleans and what each unpacker said come in the order of a set; new SSH
           keys and their fingerprints; for how long `pause` paused.
Keys       DROPPED and, of folders, SIZES are left out. `stdout_lines` and `stderr_lines` say nothing that stdout does not.
Orders     files that `find` found and what a removed folder held come in the order of the disk: sorted.
Facts      those that `setup` gathers are named in `fact_names`; the values of KEPT_FACTS stand in ansible_facts.
"""
import re

DROPPED = {
    "start", "end", "stop", "delta", "invocation", "exception", "warnings", "deprecations", "stdout_lines", "stderr_lines", "atime",
    "mtime", "ctime", "inode", "dev", "blocks", "block_size", "elapsed", "version", "pid", "rusage", "cookies_string", "access_time",
    "module_stderr", "child_pid", "exception_type",
}
# What systemd says of a unit is kept as far as it does not depend on the day: of its properties these, of services those of
# cases and a few that every machine has.
PROPERTIES = {
    "Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "FragmentPath", "Description", "Type", "Restart", "Result", "CanReload",
    "RemainAfterExit", "User",
}
SERVICES = re.compile(r"case-(?!server).*|ssh\.service|getty@\.service|systemd-journald\.service|systemd-halt\.service")
SIZES = {"size", "nlink"}
KEPT_FACTS = {
    "ansible_distribution", "ansible_distribution_release", "ansible_distribution_major_version", "ansible_os_family",
    "ansible_system", "ansible_service_mgr", "ansible_pkg_mgr", "ansible_user_id", "ansible_user_uid", "ansible_user_gid",
    "ansible_user_dir", "ansible_user_shell", "ansible_effective_user_id", "ansible_real_user_id", "ansible_hostname",
    "ansible_local", "gather_subset", "module_setup", "ansible_is_chroot", "ansible_userspace_bits",
}
TEXTS = [
    (re.compile(r"(/home/\w+|/root|HOME)/\.ansible/tmp/ansible-[\w.-]+"), "TMP"),
    (re.compile(r"(/tmp|/var/tmp)/ansible[\w.-]*-[\w-]+"), "TMP"),
    (re.compile(r"[\w/]*/\.homelabctl-[0-9a-f]+"), "TMP"),
    (re.compile(r"TMP(/[\w.-]+)+"), "TMP"),
    (re.compile(r"\btmp[a-z0-9_]{8}\b"), "tmpRANDOM"),
    (re.compile(r"(?<=Preparing to unpack \.\.\./)[\w-]+(\.deb)?(?= )"), "FETCHED"),
    (re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~"), ".BACKUP~"),
    (re.compile(r"\b\d+(?= files and directories currently installed)"), "SOME"),
    (re.compile(r"\bj?\d{5,}\.\d{3,}\b"), "JOB"),
    (re.compile(r"(?<=Paused for )[\d.]+"), "SOME"),
    (re.compile(r"(?<=command to extract the file is installed\.).*", re.S), ""),  # each try, in the order of a set
    (re.compile(r"\b(ssh-\w+) AAAA[\w+/=]+"), r"\1 KEY"),
    (re.compile(r"\bSHA256:[\w+/]{43}"), "SHA256:DIGEST"),
    (re.compile(r"(?<=Valid booleans include: ).*"), "THOSE"),
    (re.compile(r"\b0x[0-9a-f]{8,}\b"), "ADDRESS"),
    (re.compile(r"(?<=ansible\.)[A-Za-z0-9_]{8}\b"), "RANDOM"),
]


def in_order(value):
    """Lists whose order is that of a folder's entries on the disk, sorted: what `find` found, what a folder held."""
    if isinstance(found := value.get("files"), list) and value.keys() & {"matched", "directories"}:
        value = {**value, "files": sorted(found, key=lambda one: one["path"] if isinstance(one, dict) else one)}
    if isinstance(found := value.get("directories"), list):
        value = {**value, "directories": sorted(found)}
    return value


class Normal:
    def __init__(self, paths):
        """paths: (what, word) in the order in which they are replaced."""
        self.paths = paths

    def text(self, text):
        for path, word in self.paths:
            text = text.replace(path, word)
        for pattern, word in TEXTS:
            text = pattern.sub(word, text)
        return text

    def value(self, value, dropped=DROPPED):
        if isinstance(value, dict):
            value = in_order(value)
            if value.get("cache_update_time"):
                value = {**value, "cache_update_time": "TIME"}  # when the root file system was made, or the lists were read
            if isinstance(status := value.get("status"), dict) and "ActiveState" in status:
                value = {**value, "status": {key: item for key, item in status.items() if key in PROPERTIES}}
            if isinstance(services := value.get("services"), dict):
                value = {**value, "services": {key: item for key, item in services.items() if SERVICES.fullmatch(key)}}
            sizes = SIZES if value.get("isdir") or value.get("state") == "directory" or "directory" == value.get("type") else ()
            return {
                self.text(key): self.value(item, dropped) for key, item in value.items()
                if key not in dropped and key not in sizes and not key.startswith("_ansible_")
            }
        if isinstance(value, list):
            return [self.value(item, dropped) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def result(self, result, gathers):
        """A registered result; `gathers`: its facts are what the machine happens to be."""
        facts = result.get("ansible_facts") if gathers else None
        told = self.value({key: item for key, item in result.items() if key != "diff" and not (gathers and key == "ansible_facts")})
        if "results" in told:
            told["results"] = [{k: v for k, v in one.items() if k != "diff"} if isinstance(one, dict) else one for one in told["results"]]
        if facts is not None:
            told["ansible_facts"] = self.value({key: facts[key] for key in sorted(facts) if key in KEPT_FACTS}, frozenset())
            told["fact_names"] = sorted(facts)
        return told
