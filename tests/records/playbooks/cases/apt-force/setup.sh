export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-tool >/dev/null 2>&1
