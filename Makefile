# What a person or CI calls. `make demo` runs the main job, `make test` passes the tests; both install what they use.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: help demo test programs e2e half-states lint oracle homelab vm-test conformance bench simulate nodes mutants docs fuzz install

help:           ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 12

install:        ## Debian packages for the throwaway machines (asks for root, says what for)
	tests/testbed/install.sh

demo: install   ## six throwaway machines, reached, their facts shown, and cleaned up
	cargo build --quiet --bin homelabctl --example nodes
	tests/demo.sh

define LINT
cargo fmt --check
cargo clippy --quiet --all-targets -- -D warnings
(cd fuzz && cargo fmt --check)
endef
lint:           ## formatting, and clippy with warnings as errors
	$(LINT)

PROGRAMS = kube-apiserver etcd etcdctl etcdutl kubeadm kubectl cilium-chart source-controller kustomize-controller
FLUX = v2.9.4
GITHUB = 23.0.2
GO_PARTS = { tests/testbed/kubernetes/programs.sh $(PROGRAMS) && tests/testbed/flux/bundle.sh $(FLUX) && tests/testbed/github/description.sh $(GITHUB); } >/dev/null
programs:       ## Kubernetes' programs and Flux's controllers that `make test` runs, and Flux's base files, made from Go modules once (some minutes; all that there are: PROGRAMS=)
	$(GO_PARTS)

test: install   ## all tests: the rules of the house, properties, real machines
	# Go is at work beside rustc, whose longest steps take one processor
	$(GO_PARTS) & programs=$$!
	trap wait EXIT
	$(LINT)
	cargo test --quiet --no-run --lib --bins --test all --test github
	cargo build --quiet --bin homelabctl --example nodes
	wait $$programs
	cargo test --quiet --lib --bins --test github
	cargo test --test all -- --test-threads 3

oracle: install ## records again what the real ssh, Ansible, etcd, containerd and Flux do, under tests/records
	cargo run --quiet --example oracle-ssh
	ansible=$$(benches/ansible.sh)
	python3 tests/oracle/inventory/record.py --ansible-dir "$$ansible"
	python3 tests/oracle/ansible_cfg/record.py --ansible-dir "$$ansible"
	python3 tests/oracle/yaml/record.py --ansible-dir "$$ansible"
	python3 tests/oracle/modules/record.py --ansible-dir "$$ansible"
	"$$ansible/bin/python" tests/oracle/template/record.py
	"$$ansible/bin/python" tests/oracle/playbook/record.py
	"$$ansible/bin/python" tests/oracle/edits/record.py
	"$$ansible/bin/python" tests/oracle/arg_spec/record.py
	python3 tests/oracle/flux/record.py
	cargo test --quiet --test all -- --ignored etcd_rules
	HOMELABCTL_WRITE_DOCS=1 cargo test --quiet --lib containerd::recorded && python3 tests/oracle/containerd/record.py
	HOMELABCTL_WRITE_DOCS=1 cargo test --quiet --test all cluster_cilium::values && python3 tests/oracle/cilium/record.py
	for debian in 12 13; do cargo run --quiet --example nodes -- --count 1 --debian $$debian --run -- "$$ansible/bin/python" tests/oracle/facts/record.py --ansible-dir "$$ansible" --debian $$debian; done
	for machines in "6 nspawn 12" "3 nspawn 13" "2 uml 12" "2 uml 13"; do
	  set -- $$machines
	  cargo run --quiet --example nodes -- --count $$1 --kind $$2 --debian $$3 --run -- "$$ansible/bin/python" tests/oracle/playbooks/record.py --ansible-dir "$$ansible"
	done

homelab: install ## records what ansible-playbook makes of three machines with a homelab's playbooks (half an hour)
	ansible=$$(benches/ansible.sh)
	cargo run --quiet --example nodes -- --kind uml --count 3 --run -- "$$ansible/bin/python" tests/oracle/homelab/run.py --ansible-dir "$$ansible"

vm-test:        ## what takes too long for `make test`: a homelab's playbooks on three machines; disks prepared and cut off at every step
	tests/testbed/install.sh qemu
	cargo build --quiet --bin homelabctl --example nodes
	cargo test --test all -- --ignored homelab_project longhorn_ disk_

e2e: install    ## bare machines become a cluster by one `homelabctl provision`: one control plane and one worker, then three and one; Flux beside its real CLI, and cut off after each request (NODES=2: one and one alone)
	cargo build --quiet --bin homelabctl
	$(if $(filter 2,$(NODES)),,tests/testbed/flux/cli.sh $(FLUX) >/dev/null)
	cargo test --test all -- --ignored $(if $(filter 2,$(NODES)),kubernetes_cluster_of_one,flux_e2e_ kubernetes_) --nocapture --test-threads 1

half-states: install ## clusters that the real kubeadm leaves half made when it is killed are healed or refused (half an hour); RECORD=1 records them anew
	cargo build --quiet --bin homelabctl
	$(if $(RECORD),HOMELABCTL_RECORD=1) cargo test --test all -- --ignored half_made_clusters --nocapture

simulate:       ## a hundred thousand simulated runs each of homelab.longhorn_disk and of clusters, with faults (some minutes)
	cargo test --profile release-fast --lib -- --ignored hundred_thousand --nocapture

conformance: install ## Ansible's own integration tests with homelabctl; writes docs/conformance.md (ARGS="--only copy", --others, --again)
	cargo build --quiet --bin homelabctl --example nodes
	ansible=$$(benches/ansible.sh)
	target/debug/examples/nodes --count 2 --run -- "$$ansible/bin/python" tests/oracle/conformance/run.py --program target/debug/homelabctl $(ARGS)

bench: install  ## measures against ssh and ansible, and writes docs/benchmarks.md (PART=inventory, provision or changes: only that part)
	cargo build --quiet --release --bin homelabctl --example bench
	target/release/examples/bench $(PART)

nodes: install  ## throwaway machines to play with, and an inventory for them
	cargo run --quiet --example nodes -- $(ARGS)

mutants:        ## deliberate wrong edits to plans, each of which must turn its test red (some minutes)
	python3 tests/mutants/run.py

docs:           ## writes docs/modules and docs/cluster-states.md anew from the code's tables
	HOMELABCTL_WRITE_DOCS=1 cargo test --quiet --lib -- modules::page docs_cluster

fuzz:           ## looks for new inputs for two minutes a target (needs cargo-fuzz)
	for target in records known_hosts ssh_config frames ini pattern range literal extra_vars yaml script_output vault template; do
	  RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- -max_total_time=120 -rss_limit_mb=2048 -timeout=10
	done
