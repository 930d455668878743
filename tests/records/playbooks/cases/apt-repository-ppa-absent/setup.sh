for name in one ppa there; do echo "deb https://ppa.launchpadcontent.net/some/$name/ubuntu noble main" >/etc/apt/sources.list.d/$name.list; done
