export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-tool hl-conf >/dev/null 2>&1
