ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime
