# Shows the tree of a case, the accounts, the system and the packages, in six parts: what is below /srv/case, the files'
# digests, homes, the lines of the account files that came or went since the beginning, what is looked at elsewhere (reset.sh),
# and packages. Names may hold anything, so NUL ends each field.
# anything, so NUL ends each field.
set -eu
cd /srv
part() { printf -- '--part--\0'; }
[ ! -d case ] || find case -mindepth 1 -printf '%P\0%y\0%m\0%u\0%g\0%n\0%l\0'
part
[ ! -d case ] || find case -mindepth 1 -type f -exec sha256sum -z {} +
part
for home in /home/*; do
    grep -qx "${home#/home/}" /var/lib/case-begin/homes || find "$home" -printf '%p\0%y\0%m\0%u\0%g\0%n\0%l\0'
done
part
for file in passwd group shadow; do
    grep -vxFf /var/lib/case-begin/$file /etc/$file | sed "s/^/+$file /" || :
    grep -vxFf /etc/$file /var/lib/case-begin/$file | sed "s/^/-$file /" || :
done
# and what differs of the system
system_files | grep -vxFf /var/lib/case-begin/files | sed 's/^/+file /' || :
system_files | grep -vxFf - /var/lib/case-begin/files | sed 's/^/-file /' || :
system_values | grep -vxFf /var/lib/case-begin/values | tr '\t' ' ' | sed 's/^/+value /' || :
system_units | sed 's/^/+unit /'
! grep -qs '^dummy ' /proc/modules || echo "+module dummy"
part
sh /var/lib/case-begin/look.sh >/var/lib/case-begin/system.now
diff /var/lib/case-begin/system /var/lib/case-begin/system.now | sed -n 's/^< /-/p; s/^> /+/p' || :
part
packages() {
    dpkg-query -W -f '${Package}:${Architecture} ${Version} ${db:Status-Want} ${db:Status-Eflag} ${db:Status-Status}\n'
    # apt-mark says nothing where a case leaves sources that cannot be read
    awk '$1 == "Package:" { name = $2 } $1 == "Auto-Installed:" && $2 == 1 { print name " automatic" }' /var/lib/apt/extended_states 2>/dev/null || :
    find /var/cache/apt/archives -name '*.deb'
    [ ! -e /usr/sbin/policy-rc.d ] || echo "policy-rc.d: $(cat /usr/sbin/policy-rc.d)"
    ! systemctl is-active -q hl-service || echo "hl-service runs"
    for file in /etc/hl-*; do [ ! -f "$file" ] || echo "$file: $(cat "$file")"; done
}
packages | sort >/run/case-packages
grep -vxFf /var/lib/case-begin/packages /run/case-packages | sed "s/^/+/" || :
grep -vxFf /run/case-packages /var/lib/case-begin/packages | sed "s/^/-/" || :
