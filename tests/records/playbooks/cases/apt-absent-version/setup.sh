export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-tool=2.0 >/dev/null 2>&1
