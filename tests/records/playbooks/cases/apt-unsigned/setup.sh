mkdir -p /srv/case/archive/tree/DEBIAN
cd /srv/case/archive
printf 'Package: case-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: root <root@localhost>\nDescription: case\n' >tree/DEBIAN/control
find tree -exec touch -d 2020-01-01 {} +
SOURCE_DATE_EPOCH=1577836800 dpkg-deb --root-owner-group -Znone --build tree case-tool.deb >/dev/null
{ cat tree/DEBIAN/control; printf 'Filename: ./case-tool.deb\nSize: %s\nSHA256: %s\n' "$(wc -c <case-tool.deb)" "$(sha256sum <case-tool.deb | cut -d ' ' -f 1)"; } >Packages
rm -r tree
echo 'deb [allow-insecure=yes] file:/srv/case/archive ./' >/etc/apt/sources.list.d/case.list
apt-get -qq update >/dev/null 2>&1
