export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-conf=1.0 hl-tool >/dev/null 2>&1
