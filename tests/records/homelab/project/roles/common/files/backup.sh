#!/bin/sh
set -eu
tar -C /etc -czf "/var/backups/homelab/etc.tgz" homelab-release
