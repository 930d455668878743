# Brings a machine of a case back to what it was before: the trees of the case and what it made of users and groups.
set -eu
umask 022
cd /
keep=/var/lib/case-begin
if ! [ -d $keep ]; then
    mkdir $keep
    for file in passwd group shadow gshadow subuid subgid; do [ ! -e /etc/$file ] || cp -p /etc/$file $keep; done
    ls /home >$keep/homes
fi
# what a case left waiting in the background
for pid in $(pgrep -x sleep || :); do
    parent=$(ps -o ppid= -p "$pid" || :)
    [ "${parent:-1}" -le 1 ] || kill $parent "$pid" 2>/dev/null || :
done
chattr -R -f -ai /srv/case || : # the case of `attributes`
rm -rf /srv/case /srv/www /root/.ansible_async
for file in passwd group shadow gshadow subuid subgid; do
    if [ -e $keep/$file ]; then cp -p $keep/$file /etc/$file; else rm -f /etc/$file; fi
done
for home in /home/*; do grep -qx "${home#/home/}" $keep/homes || rm -rf "$home"; done
find /tmp /var/tmp /var/mail -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' -exec rm -rf {} +
mkdir /srv/case /srv/www
