mkdir -p /etc/apt/keyrings; echo x >/etc/apt/sources.list.d/gone.sources; echo a >/etc/apt/keyrings/gone.asc; echo b >/etc/apt/keyrings/gone.gpg
