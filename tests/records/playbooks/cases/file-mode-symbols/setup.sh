cd /srv/case
touch a b c d e f g h i
chmod 664 a b c d e f g h i
mkdir dir dir2
