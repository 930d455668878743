printf 'a.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMulK543na/8e8Msz2Ih/+zPuSP++20Q8i4S8Uo8aB+l\n' >/srv/case/known
