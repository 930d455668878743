for name in ida jan kai; do useradd -m $name; done
