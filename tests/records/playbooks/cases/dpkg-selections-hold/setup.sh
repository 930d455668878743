export DEBIAN_FRONTEND=noninteractive
apt-get -qq install hl-tool=1.0 hl-lib >/dev/null 2>&1
apt-mark -q hold hl-lib >/dev/null
