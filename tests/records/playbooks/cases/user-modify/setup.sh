useradd -m -u 3000 -G audio,video -c Old -s /bin/sh eva
