printf 'a1 a2\n# drop me\nx v\nbegin\nx x\nend\nx z upper\n' >/srv/case/f
