#!/bin/sh
# install.sh [qemu]: installs what the test bed uses on a Debian machine, QEMU's machines only if told to. Quick when nothing is missing: safe to call before every run.
#
# Root is needed for: apt-get (below), and by the test bed itself for network and mount namespaces, overlay mounts,
# systemd-nspawn and the taps of User-mode Linux.
set -eu

# program or file            package that brings it       what for
needs='
/usr/bin/mmdebstrap          mmdebstrap                   root file systems of the machines
/usr/bin/systemd-nspawn      systemd-container            machines that start in a second or two
/usr/bin/linux.uml           user-mode-linux              machines with a kernel of their own
/usr/sbin/mke2fs             e2fsprogs                    the disk image of those
/usr/sbin/depmod             kmod                         their modules
/usr/sbin/ip                 iproute2                     bridges, taps, veth pairs
/usr/bin/unshare             util-linux                   the bed: namespaces that vanish with it (also nsenter, setpriv, taskset)
/usr/bin/ssh                 openssh-client               the yardstick; also ssh-keygen for all test keys
/usr/sbin/sshd               openssh-server               servers on loopback, for what ssh says of them
/usr/bin/busybox             busybox                      scripts have to run in its shell too
/usr/bin/gpg                 gnupg                        signs the packages of Kubernetes that the test bed offers
/usr/bin/git                 git                          the repositories of the GitHub that the tests have
/usr/bin/npm                 npm                          fetches the description of the API of GitHub
/usr/bin/python3             python3                      compares what playbooks did with what Ansible did
/usr/share/keyrings/debian-archive-trixie-stable.gpg      debian-archive-keyring   signatures of Debian 12 and 13
'
[ "${1-}" != qemu ] || needs="$needs
/usr/bin/qemu-system-x86_64  qemu-system-x86              machines with disks that User-mode Linux cannot have
"

missing=$(printf '%s\n' "$needs" | while read -r path package _; do
    [ -z "$path" ] || [ -e "$path" ] || [ -e "${path#/usr}" ] || printf '%s ' "$package"
done)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "tests/testbed/install.sh: root is needed to install: $missing" >&2
    exit 1
fi
echo "installing: $missing" >&2
export DEBIAN_FRONTEND=noninteractive
# No server that comes with a package is to run on the machine that runs the tests, neither now nor after a reboot.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing >&2
case $missing in *openssh-server*) systemctl --quiet disable ssh.service 2>/dev/null || : ;; esac
