printf '  option=3\nplainxtext\nplain.text here\ngroup=1\n' >/srv/case/f
