// Cilium's chart, as it stands in the module of its repository: nothing of it is compiled.
module testbed.invalid/cilium

go 1.24.0

require github.com/cilium/cilium v1.18.4
