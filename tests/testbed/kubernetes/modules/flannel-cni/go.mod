module testbed.invalid/flannel-cni

go 1.24.0
