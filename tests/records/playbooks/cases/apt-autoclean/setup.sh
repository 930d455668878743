export DEBIAN_FRONTEND=noninteractive
cp /usr/share/testbed/archive/pool/hl-tool_2.0_all.deb /var/cache/apt/archives
cp /usr/share/testbed/other/pool/hl-tool_3.0_all.deb /var/cache/apt/archives
