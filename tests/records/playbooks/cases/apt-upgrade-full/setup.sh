export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-tool=1.1 >/dev/null 2>&1
