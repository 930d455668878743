# Run inside a machine's root file system (chroot): the two apt archives that stand on every machine, so that packages can be
# installed where nothing can be downloaded. In `archive` small packages made here, each for one thing that packages do, and
# the real ones that a Kubernetes node wants, which debian-root.sh left in its pool; in `other` a few more, by another key.
set -eu
export LC_ALL=C GNUPGHOME=/tmp/archive-keys
top=/usr/share/testbed work=/tmp/archive-work
mkdir -p $top/archive/pool $top/other/pool $work
mkdir -m 0700 $GNUPGHOME

# pack NAME VERSION POOL [CONTROL-LINES]: what stands in $work/tree becomes a package; the tree is gone afterwards.
pack() {
    mkdir -p $work/tree/DEBIAN $work/tree/usr/share/$1
    echo "$2" >$work/tree/usr/share/$1/version
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Test bed <root@localhost>\nDescription: %s of the test bed\n' \
        "$1" "$2" "$1" >$work/tree/DEBIAN/control
    [ -z "${4-}" ] || printf '%s\n' "$4" >>$work/tree/DEBIAN/control
    dpkg-deb --root-owner-group -Znone --build $work/tree "$top/$3/pool/${1}_${2}_all.deb" >/dev/null
    rm -rf $work/tree
}
# script NAME TEXT: a maintainer script of the package that is packed next.
script() {
    mkdir -p $work/tree/DEBIAN
    printf '#!/bin/sh\nset -e\n%s\n' "$2" >$work/tree/DEBIAN/$1
    chmod 755 $work/tree/DEBIAN/$1
}
# file PATH MODE TEXT: a file of the package that is packed next.
file() {
    mkdir -p "$work/tree${1%/*}"
    printf '%s\n' "$3" >"$work/tree$1"
    chmod "$2" "$work/tree$1"
}

for version in 1.0 1.1 2.0; do
    file /usr/bin/hl-tool 755 "#!/bin/sh
echo hl-tool $version"
    pack hl-tool $version archive
done
pack hl-tool 3.0 other
pack hl-other 1.0 other
pack hl-lib 1.0 archive
pack hl-extra 1.0 archive
pack hl-app 1.0 archive 'Depends: hl-lib (>= 1.0)
Recommends: hl-extra'
pack hl-provider 1.0 archive 'Provides: hl-virtual'
pack hl-needs-missing 1.0 archive 'Depends: hl-nowhere'
pack hl-conflicts 1.0 archive 'Conflicts: hl-tool'

# A service as packages bring them: a user, a directory, a unit that is enabled and started, a file people change.
file /etc/hl-service.conf 644 'level = 1'
file /usr/bin/hl-service 755 '#!/bin/sh
trap "exit 0" TERM
trap "date >>/var/lib/hl-service/reloads" HUP
while :; do sleep 1; done'
file /usr/lib/systemd/system/hl-service.service 644 '[Unit]
Description=Service of the test bed
[Service]
User=hlsvc
ExecStart=/usr/bin/hl-service
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target'
script postinst 'if [ "$1" = configure ]; then
    getent passwd hlsvc >/dev/null || useradd --system --home-dir /var/lib/hl-service --no-create-home --shell /usr/sbin/nologin hlsvc
    install -d -o hlsvc -g hlsvc -m 0750 /var/lib/hl-service
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl enable --quiet hl-service.service
        [ -e /usr/sbin/policy-rc.d ] && ! /usr/sbin/policy-rc.d hl-service start || systemctl start hl-service.service
    fi
fi'
script prerm 'if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --quiet --now hl-service.service; fi'
script postrm 'if [ "$1" = purge ]; then userdel hlsvc 2>/dev/null || :; rm -rf /var/lib/hl-service; fi'
mkdir -p $work/tree/DEBIAN
echo /etc/hl-service.conf >$work/tree/DEBIAN/conffiles
pack hl-service 1.0 archive

for version in 1.0 2.0; do
    file /etc/hl-conf.conf 644 "made by $version"
    mkdir -p $work/tree/DEBIAN
    echo /etc/hl-conf.conf >$work/tree/DEBIAN/conffiles
    pack hl-conf $version archive
done

script postinst 'i=0; while [ $i -lt 16 ]; do sleep 0.5; i=$((i + 1)); echo "hl-slow $i"; done'
pack hl-slow 1.0 archive
script postinst 'echo "hl-broken cannot be configured" >&2; exit 3'
pack hl-broken 1.0 archive
# Asks twice: its standard input, and through debconf. (A script that has debconf has its pipe there, which nobody closes: so
# the first is asked before.)
script preinst 'rm -f /etc/hl-asks.answer
if read -r line; then echo "heard $line" >>/etc/hl-asks.answer; fi'
script config '. /usr/share/debconf/confmodule
db_input critical hl-asks/name || :
db_go'
script postinst '. /usr/share/debconf/confmodule
db_get hl-asks/name
echo "$RET" >>/etc/hl-asks.answer
db_stop'
script postrm 'if [ "$1" = purge ]; then rm -f /etc/hl-asks.answer; . /usr/share/debconf/confmodule; db_purge; fi'
printf 'Template: hl-asks/name\nType: string\nDefault: nobody\nDescription: Whose machine is this?\n' >$work/tree/DEBIAN/templates
pack hl-asks 1.0 archive 'Depends: debconf'

# Kubernetes' packages by name and version; their programs say only who they are.
for version in 1.34.1 1.34.2; do
    for name in kubeadm kubelet kubectl; do
        file /usr/bin/$name 755 "#!/bin/sh
echo Kubernetes v$version"
        [ $name != kubelet ] || file /usr/lib/systemd/system/kubelet.service 644 '[Unit]
Description=kubelet: The Kubernetes Node Agent
[Service]
ExecStart=/bin/sleep infinity
Restart=always
[Install]
WantedBy=multi-user.target'
        needs='Depends: cri-tools'
        [ $name != kubelet ] || needs='Depends: kubernetes-cni'
        [ $name != kubectl ] || needs=
        pack $name $version-1.1 archive "$needs"
    done
done
pack cri-tools 1.34.0-1.1 archive
pack kubernetes-cni 1.7.1-1.1 archive

# index ARCHIVE KEY: dists/stable of it, signed.
index() {
    cd $top/$1
    mkdir -p dists/stable/main/binary-$(dpkg --print-architecture)
    packages=dists/stable/main/binary-$(dpkg --print-architecture)/Packages
    for deb in pool/*.deb; do
        dpkg-deb --field "$deb"
        printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
    done >$packages
    {
        printf 'Origin: Test bed\nLabel: %s\nSuite: stable\nCodename: stable\nArchitectures: %s\nComponents: main\n' \
            "$1" "$(dpkg --print-architecture)"
        printf 'Date: %s\nSHA256:\n' "$(date -u '+%a, %d %b %Y %H:%M:%S UTC')"
        printf ' %s %s %s\n' "$(sha256sum $packages | cut -d' ' -f1)" "$(stat -c %s $packages)" "${packages#dists/stable/}"
    } >dists/stable/Release
    gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key "Test bed $1 <$1@testbed>" ed25519 sign never
    gpg --batch --quiet --local-user "$1@testbed" --clearsign --output dists/stable/InRelease dists/stable/Release
    gpg --batch --quiet --local-user "$1@testbed" --armor --detach-sign --output dists/stable/Release.gpg dists/stable/Release
    gpg --batch --quiet --armor --export "$1@testbed" >key.asc
    gpg --batch --quiet --export "$1@testbed" >key.gpg
}
index archive
index other
cd /
rm -rf $GNUPGHOME $work

rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo "deb [signed-by=$top/archive/key.asc] file:$top/archive stable main" >/etc/apt/sources.list
apt-get -qq update
