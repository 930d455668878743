"""What the real Flux CLI writes, under tests/records/flux: of `flux install --export` length and digest for many combinations of options
(components.json), of gotk-sync.yaml and kustomization.yaml the whole texts (sync.json). An answer of null: the CLI failed."""

import hashlib
import itertools
import json
import random
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests/records/flux"
VERSION = "v2.9.4"

SOURCE, KUSTOMIZE, HELM, NOTIFICATION = "source-controller", "kustomize-controller", "helm-controller", "notification-controller"
IMAGES = ["image-reflector-controller", "image-automation-controller"]
WATCHER = "source-watcher"
ODD_KEYS = ["on", "y", "N", "null", "True", "123", "1e3", "0x1F", "0b11", "1_000", "017", "08", "1.5", "2026-11-27", "10gbe", "1.2.3", "A_b.c"]

# each option alone
SINGLE = [
    {},
    {"components_extra": IMAGES},
    {"components_extra": [WATCHER]},
    {"components_extra": [*IMAGES, WATCHER]},
    {"components": [SOURCE, KUSTOMIZE]},
    {"components": [SOURCE, KUSTOMIZE, NOTIFICATION]},
    {"components": [SOURCE, KUSTOMIZE, HELM]},
    {"components": [NOTIFICATION, HELM, KUSTOMIZE, SOURCE]},
    {"components": [KUSTOMIZE, SOURCE], "components_extra": [WATCHER, IMAGES[0]]},
    {"components": [SOURCE, KUSTOMIZE, *IMAGES]},
    *({"namespace": name} for name in ["flux", "gitops", "my-flux-system", "flux-system-2", "default", "kube-system", "a", "x" * 63]),
    *({"registry": name} for name in ["", "docker.io/fluxcd", "mirror.lan:5000/flux/v2", "10.0.0.1:443", "Mirror.lan/" + "long-folder/" * 9 + "x"]),
    *({"image_pull_secret": name} for name in ["pull", "pull.secret-1", "s" * 100]),
    {"watch_all_namespaces": False},
    {"network_policy": False},
    {"log_level": "debug"},
    {"log_level": "error"},
    *({"cluster_domain": name} for name in ["home.lan", "k8s", "a." * 60 + "b"]),
    {"toleration_keys": ["node-role.kubernetes.io/control-plane"]},
    {"toleration_keys": ["dedicated", "node.kubernetes.io/not-ready", "dedicated"]},
    {"toleration_keys": ODD_KEYS},
    # names that YAML does not read as such
    *({"namespace": name} for name in ["on", "123", "null", "1e3"]),
    {"image_pull_secret": "123"},
]

# several at once, drawn from these
DRAWN = {
    "components": [[SOURCE, KUSTOMIZE], [HELM, SOURCE, KUSTOMIZE], [SOURCE, KUSTOMIZE, HELM, NOTIFICATION], [NOTIFICATION, KUSTOMIZE, SOURCE]],
    "components_extra": [[], IMAGES, IMAGES[1:], [WATCHER], [WATCHER, *IMAGES]],
    "namespace": ["flux-system", "gitops", "flux"],
    "registry": ["ghcr.io/fluxcd", "mirror.lan:5000/flux", ""],
    "image_pull_secret": [None, "pull"],
    "watch_all_namespaces": [True, False],
    "network_policy": [True, False],
    "log_level": ["debug", "info", "error"],
    "cluster_domain": ["cluster.local", "home.lan"],
    "toleration_keys": [[], ["dedicated"], ["node-role.kubernetes.io/control-plane", "1"]],
}

LONG = "a folder with a name that is far too long for a line of eighty columns " * 3
SYNCS = [
    {},
    {"namespace": "gitops", "secret": "other"},
    {"url": "https://github.com/o/r.git"},
    {"url": "https://github.com/" + "o" * 90 + "/r.git"},
    *({"branch": name} for name in ["master", "release/1.x", "1e3", "on", "0123", "2026-11-27", "a#b", "x" * 100, "ä/ö"]),
    *({"path": name} for name in ["", ".", "clusters/x", "./clusters/x/", "/clusters/../y", "a b/c", "it's: a #folder", "été", LONG, "clusters/" + "x" * 100]),
    *({"interval": seconds} for seconds in [1, 30, 60, 90, 600, 3600, 3661, 86400, 1.5]),
    {"recurse_submodules": True},
    {"provider": "github"},
    {"sparse_checkout": ["clusters/x", "infrastructure", "a b", "*", "123", "it's: ", "- x", LONG.strip()]},
    {"recurse_submodules": True, "provider": "azure", "sparse_checkout": ["x"], "interval": 300, "branch": "y", "path": "z"},
]
FILES = [
    ["gotk-components.yaml", "gotk-sync.yaml"],
    ["gotk-components.yaml", "gotk-sync.yaml", "patches.yaml", "a.yaml", "B.yaml", "1"],
    ["a b.yaml", "it's.yaml", "on", "x: y.yaml"],
]


def programs():
    script = ROOT / "tests/testbed/flux/cli.sh"
    return subprocess.run(["sh", script, VERSION], stdout=subprocess.PIPE, check=True, text=True).stdout.split()


def combinations():
    draw = random.Random(9)
    many = [{name: draw.choice(values) for name, values in DRAWN.items()} for _ in range(30)]
    # each value of each option with each of each other: what was drawn, and what it leaves out
    left = {frozenset([(a, x), (b, y)]) for (a, xs), (b, ys) in itertools.combinations(DRAWN.items(), 2) for x in range(len(xs)) for y in range(len(ys))}
    for one in many:
        at = [(name, DRAWN[name].index(value)) for name, value in one.items()]
        left -= {frozenset(pair) for pair in itertools.combinations(at, 2)}
    while left:
        tries = [{name: draw.randrange(len(values)) for name, values in DRAWN.items()} for _ in range(50)]
        new = lambda one: left & {frozenset(pair) for pair in itertools.combinations(one.items(), 2)}
        best = max(tries, key=lambda one: len(new(one)))
        if new(best):
            left -= new(best)
            many.append({name: DRAWN[name][at] for name, at in best.items()})
    return SINGLE + many


def exported(flux, options, home):
    arguments = []
    for name, value in options.items():
        if value is None or value == [] and name != "components":
            continue
        text = ",".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
        arguments.append(f"--{name.replace('_', '-')}={text}")
    ran = subprocess.run([flux, "install", "--export", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"HOME": home, "TMPDIR": home})
    if ran.returncode:
        return {"options": options, "bytes": None}
    return {"options": options, "bytes": len(ran.stdout), "sha256": hashlib.sha256(ran.stdout).hexdigest()}


def synced(program):
    asked = []
    for number, one in enumerate(SYNCS):
        # the CLI's flag makes this of the path before
        parts = []
        for part in one.get("path", "clusters/home").strip().split("/"):
            if part == "..":
                parts[-1:] = []
            elif part not in ("", "."):
                parts.append(part)
        names = {"namespace": "Namespace", "secret": "Secret", "url": "URL", "branch": "Branch", "recurse_submodules": "RecurseSubmodules"}
        names |= {"provider": "Provider", "sparse_checkout": "SparseCheckout"}
        options = {names[name]: value for name, value in one.items() if name in names}
        options |= {"URL": one.get("url", "ssh://git@github.com/o/r"), "Name": one.get("namespace", "flux-system"), "TargetPath": "./" + "/".join(parts)}
        options["Interval"] = int(one.get("interval", 60) * 1_000_000_000)
        options["Files"] = {name: "# nothing\n" for name in FILES[number % len(FILES)]}
        asked.append(json.dumps(options))
    ran = subprocess.run([program], input="\n".join(asked), stdout=subprocess.PIPE, check=True, text=True)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    return [{"options": one, "files": sorted(FILES[at % len(FILES)]), **answer} for at, (one, answer) in enumerate(zip(SYNCS, answers, strict=True))]


def write(name, records):
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in records)
    (FOLDER / name).write_text(f'{{"version": "{VERSION}", "records": [\n{lines}\n]}}\n')


def main():
    flux, flux_sync = programs()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        write("components.json", [exported(flux, options, home) for options in combinations()])
    write("sync.json", synced(flux_sync))


if __name__ == "__main__":
    main()
