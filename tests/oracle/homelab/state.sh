# Shows what the playbooks of the homelab may have made of a machine: files with their digests (a packaged file that nobody
# changed without: the next release of the package has another), accounts, packages, units, the kernel's settings.
set -eu
export LC_ALL=C
# a program takes long to start in a slow machine: a few for all files
{
    dpkg-query -W -f '${Conffiles}\n' | awk 'NF >= 2 { print "P\t" $1 "\t" $2 }'
    find /etc /opt /srv /usr/local /home /root /var/backups/homelab /var/lib/longhorn -xdev \
        \( -path '*/.ansible*' -o -name 'ssh_host_*' -o -path /etc/machine-id -o -path /etc/ld.so.cache -o -path /etc/.pwd.lock \
        -o -path /etc/testbed-done -o -path /etc/.updated -o -path '/etc/passwd*' -o -path '/etc/group*' -o -path '/etc/shadow*' \
        -o -path '/etc/gshadow*' -o -path '/etc/subuid*' -o -path '/etc/subgid*' -o -path '/usr/local/lib/python*' \
        -o -path '/etc/ssh/authorized_keys.*' -o -path /etc/ssh/user_ca.pub \
        -o -path /etc/ssl/certs -o -path /etc/mtab \) -prune \
        -o -printf 'L\t%p\t%y %m %u:%g %l\n' -type f -exec md5sum {} + 2>/dev/null |
        sed 's/^\([0-9a-f]\{32\}\)  /D\t\1\t/'
    # made anew with every archive and every root file system
    md5sum /usr/share/testbed/archive/key.asc | sed 's/ .*//; s/^/K\t/'
} | awk -F '\t' '
    $1 == "K" { key = $2 }
    $1 == "P" { packaged[$2] = $3 }
    $1 == "D" { digest[$3] = $2 }
    $1 == "L" { line[$2] = $3 }
    END {
        for (path in line) {
            of = digest[path]
            print "file", path, line[path] (of == "" ? "" : of == packaged[path] ? "packaged" : of == key ? "the key of the archive" : of)
        }
    }' | sort
sed 's/^/passwd /' /etc/passwd
sed 's/^/group /' /etc/group
cut -d: -f1,2,4- /etc/shadow | sed 's/^/shadow /'
dpkg-query -W -f 'package ${Package} ${db:Status-Want} ${db:Status-Status}\n'
dpkg-query -W -f 'version ${Package} ${Version}\n' 'hl-*' 'kube*' 2>/dev/null | grep -v ' $' || :
for _ in 1 2 3 4 5 6; do # a manager that is busy answers late, or not at all
    units=$(systemctl list-unit-files --no-legend --no-pager --state=enabled,disabled,masked) && [ -n "$units" ] && break
    sleep 5
done
[ -n "$units" ]
echo "$units" | awk '{ print "unit", $1, $2 }'
for unit in containerd kubelet mirror node-exporter systemd-timesyncd iscsid ssh; do
    echo "active $unit $(systemctl is-active $unit || :)"
done
for key in net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables fs.inotify.max_user_watches fs.inotify.max_user_instances \
    vm.swappiness kernel.panic net.core.somaxconn kernel.hostname; do
    echo "sysctl $key $(sysctl -n $key)"
done
cut -d' ' -f1 /proc/modules | sed 's/^/module /' | sort
echo "swaps $(tail -n +2 /proc/swaps | wc -l)"
