# Shows the tree of a case and the accounts, in five parts: what is below /srv/case, the files' digests, homes, the lines
# of the account files that came or went since the beginning, and of what is looked at elsewhere (reset.sh). Names may hold
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
