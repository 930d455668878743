cp /usr/share/testbed/archive/pool/hl-tool_1.0_all.deb /var/cache/apt/archives/gone_1.0_all.deb
