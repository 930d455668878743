export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-broken >/dev/null 2>&1 || :
