export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-conf=1.0 >/dev/null 2>&1
apt-get -qq remove hl-conf >/dev/null
