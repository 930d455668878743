truncate -s 16M /srv/case/image; mkfs.ext4 -q -U 0b5b7f3a-6f3e-4a55-9b0e-5f1d2c3b4a59 -L case /srv/case/image
