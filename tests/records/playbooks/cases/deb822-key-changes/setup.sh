mkdir -p /etc/apt/keyrings; cat >/srv/case/key.asc <<'END'
-----BEGIN PGP PUBLIC KEY BLOCK-----

mI0EaweBpAEEAMVTaPUUhWEwVsQIzkadkQnVwFUaEZRVMVQbq8XX3QUJ0UAs8L72
GeDsG2F0Fy/Gnl4M8jNdw/ufWSmWCa9mmotaLrCBSRul/IEuO+V0exQXfGnqSe4s
e66LKoSXqq3YiIHvkx6BLzOW+vbOxMgv+7d/w4Z3aYm6RAT8gMSLkI2dABEBAAG0
ImhvbWVsYWJjdGwgdGVzdCA8dGVzdEBleGFtcGxlLm9yZz6IzgQTAQoAOBYhBNxN
U7cOZyBS/3kmnjCFA/dx1L1mBQJrB4GkAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4B
AheAAAoJEDCFA/dx1L1mgFcD/1U7lH2qWgMXcugkYyaCL1rRd1s1f5PgTfLC+Rqv
xnF9dcEdRktlPvh/vOwNSej7y8HLBd0o47icbF145e6v0GA87mSu1GNVqW8Hhdv/
LrmSoL34XX5Q6SeQ775WKIkdvdayQRz8yMzxUu7/l94I5QYT77yMRjKfh7C6yWFy
w8sLuDgEaweBpRIKKwYBBAGXVQEFAQEHQKiCwqMIappiWfxP9DF5mx8zDVb5C3+M
uqT2oWFslCEFAwEIB4i2BBgBCgAgFiEE3E1Ttw5nIFL/eSaeMIUD93HUvWYFAmsH
gaUCGwwACgkQMIUD93HUvWb8GAQAvubyJPFp1FtHCsk7BJZBPzCr8hZo6Sdd/zyy
qjReAuOP6V0XvVn31Mi/SJgmJx9TST4VAj2mYwhufy40x/utVNeulHJp+nKZpQTN
N66sqx+aYGGHXJzoAG2nM5DRVUHSeHz5iBjJqOQAIRjt45edci70PyYD10I9cTc/
KIUMnXE=
=UsrE
-----END PGP PUBLIC KEY BLOCK-----

END
cp /srv/case/key.asc /srv/www/key.asc
chmod 700 /etc/apt/keyrings
echo old >/etc/apt/keyrings/new.asc
cp /srv/case/key.asc /etc/apt/keyrings/same.asc
chmod 600 /etc/apt/keyrings/same.asc
