export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-tool hl-lib >/dev/null 2>&1
