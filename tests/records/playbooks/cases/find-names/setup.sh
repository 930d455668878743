cd /srv/case
mkdir -p sub/deep
touch a.log b.txt c.md .hidden sub/d.log sub/deep/e.log
