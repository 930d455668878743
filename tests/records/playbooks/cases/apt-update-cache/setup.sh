find /var/lib/apt/lists -type f -name "_*" -delete
touch -d 2020-01-01 /var/lib/apt/lists
