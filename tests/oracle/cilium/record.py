"""What the real helm makes of Cilium's real chart: of each tests/records/cilium/NAME.values.json a NAME.yaml beside it. The values are
those that playbooks/cni.yaml gives; `HOMELABCTL_WRITE_DOCS=1 cargo test --test all cluster_cilium::values` writes them."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests/records/cilium"


def program(name):
    script = ROOT / "tests/testbed/kubernetes/programs.sh"
    return subprocess.run(["sh", script, name], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def main():
    helm, chart = program("helm"), program("cilium-chart")
    for values in sorted(FOLDER.glob("*.values.json")):
        words = [chart if word == "CHART" else word for word in json.loads((FOLDER / "arguments.json").read_text())]
        made = subprocess.run([helm, *words], input=values.read_bytes(), stdout=subprocess.PIPE, check=True).stdout
        Path(str(values).replace(".values.json", ".yaml")).write_bytes(made)


if __name__ == "__main__":
    main()
