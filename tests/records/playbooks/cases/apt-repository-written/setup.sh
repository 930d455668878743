printf '#one\n#  two # three\n\n##four\ndeb   http://example.org/a  stable   main#five\n  odd  line \n' >/etc/apt/sources.list.d/there.list
