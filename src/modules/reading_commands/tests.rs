use super::*;
use crate::template::words;

fn program(text: &str) -> bool {
    let argv: Vec<String> = words::split_all(text).unwrap().into_iter().map(|word| word.text).collect();
    program_only_reads(&argv, true)
}

#[test]
fn the_table_is_sorted_and_has_no_name_twice() {
    assert!(PROGRAMS.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn what_only_reads_may_run() {
    for text in [
        "lsblk -J",
        "/usr/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o json",
        "kubectl --kubeconfig=/x -n kube-system get pods",
        "kubectl config view",
        "systemctl is-active kubelet",
        "systemctl --no-pager show -p ActiveState x",
        "dpkg -l containerd.io",
        "dpkg --print-architecture",
        "sysctl -n vm.swappiness",
        "sysctl net.ipv4.ip_forward",
        "hostname -f",
        "hostname",
        "ip -4 addr show dev eth0",
        "ip route",
        "find /etc -name *.conf -type f",
        "kubeadm token list",
        "crictl ps -a",
        "swapon --show --noheadings",
        "date +%s",
        "test -f /etc/passwd",
        "rpm -q kubelet",
        "blkid -s UUID -o value /dev/sda1",
    ] {
        assert!(program(text), "{text}");
        assert!(shell_only_reads(text) || text.contains('*'), "in a shell: {text}");
    }
}

#[test]
fn what_can_do_more_is_not_run() {
    for text in [
        "",
        "find / -delete",
        "find / -exec rm {} +",
        "find / -execdir x",
        "find / -fprintf /x y",
        "ip link set eth0 up",
        "ip -batch /x",
        "ip a add 10.0.0.1/8 dev eth0",
        "ip r flush",
        "ip addr show && reboot",
        "sysctl -w a=1",
        "sysctl a=1",
        "sysctl -p",
        "sysctl --system",
        "hostname new",
        "hostname -F /x",
        "date 0101",
        "date -s tomorrow",
        "date --set=x",
        "kubectl delete node x",
        "kubectl get pods -w",
        "kubectl get pods --wat",
        "kubectl config set-context x",
        "kubectl cluster-info dump --output-directory=/x",
        "kubectl --unknown get delete",
        "systemctl restart x",
        "systemctl -H is-active restart x",
        "systemctl --root is-active mask x",
        "systemctl show --wait",
        "sort -o /etc/passwd x",
        "sort -uo /etc/passwd x",
        "sort --outp=/etc/passwd x",
        "sort --compress-program=/x y",
        "uniq a b",
        "blkid -g",
        "blkid -c /x",
        "dpkg -i x.deb",
        "dpkg -l -i x",
        "rpm -q --pipe sh x",
        "rpm -e x",
        "tail -f /x",
        "tail -nf /x",
        "swapon -a",
        "mount /dev/sda /mnt",
        "apt-cache -o Dir::Bin=/x policy",
        "apt-cache gencaches",
        "env rm x",
        "sudo cat /x",
        "sh -c true",
        "sed -n p x",
        "awk {} x",
        "tee x",
        "/tmp/cat x",
        "./cat x",
        "cat $FILES",
        "$CAT x",
        "~/cat x",
        "command -v x",
        "cd /x",
        "ss -K dst 1",
        "crictl rm x",
        "helm upgrade x",
    ] {
        let argv: Vec<String> = words::split_all(text).unwrap().into_iter().map(|word| word.text).collect();
        if text != "ip addr show && reboot" {
            assert!(!program_only_reads(&argv, true), "{text}");
        }
        if !matches!(text, "command -v x" | "cd /x") {
            assert!(!shell_only_reads(text), "in a shell: {text}");
        }
    }
}

#[test]
fn a_shells_text_only_reads_if_every_part_does() {
    for text in [
        "cat /x | grep -c 'a b' | wc -l",
        "set -o pipefail\nlsblk -rn | grep sda",
        "set -o pipefail; ls /etc/*.conf 2>/dev/null || true",
        "systemctl is-active x && echo yes\n",
        "command -v kubectl >/dev/null 2>&1",
        "[ -f /x ] && cat /x",
        "grep \"^a$\" /x \\\n  2> /dev/null",
        "test -e ~/x; echo '$(reboot)'",
        "\n\ncat /x\n\n",
        "head -n 2 /x",
    ] {
        assert!(shell_only_reads(text), "{text}");
    }
    for text in [
        "",
        "\n",
        "cat > x",
        "cat >x",
        "cat x>y",
        "cat x >> /dev/null2",
        "cat 2>x",
        "cat >/dev/nullx",
        "cat >/dev/null/../x",
        "cat <x",
        "cat <<EOF\nEOF",
        "cat $(reboot)",
        "cat \"$(reboot)\"",
        "cat `reboot`",
        "cat \"`reboot`\"",
        "cat $x",
        "cat \"$x\"",
        "cat x; reboot",
        "cat x && reboot",
        "cat x || reboot",
        "cat x | sh",
        "cat x & reboot",
        "cat x &",
        "cat x |& tee y",
        "cat x\nreboot",
        "(reboot)",
        "{ reboot; }",
        "if true; then reboot; fi",
        "! reboot",
        "x=1 cat y",
        "PATH=/tmp cat y",
        "ls *",
        "find . -{delete,x}",
        "find /a -d[e]lete",
        "find /a -de'lete'",
        "find /a '-delete'",
        "find /a -dele\\\nte",
        "cat x # reboot",
        "cat 'x",
        "cat \"x",
        "cat x &&",
        "cat x |",
        "; cat x",
        "cat x;; cat y",
        "\\cat x",
        "command reboot",
        "command -v x; command -p reboot",
        "set -o noclobber",
        "set -- x",
        "~root/x",
    ] {
        assert!(!shell_only_reads(text), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_with_a_foreign_program_passes(before in "[ -~\n]{0,12}", after in "[ -~\n]{0,12}") {
        for program in ["reboot", "rm -rf /x", "tee /x"] {
            let text = format!("{before}\n{program}\n{after}");
            // within quotes it is no program
            if !before.contains(['\'', '"', '\\']) {
                assert!(!shell_only_reads(&text), "{text}");
            }
        }
    }
}
