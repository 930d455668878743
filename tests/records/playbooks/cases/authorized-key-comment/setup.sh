useradd -m -s /bin/sh kim
