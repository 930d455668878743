export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-app >/dev/null 2>&1
apt-get -qq remove hl-app >/dev/null
