mkdir /srv/case/facts.d
printf '{"a": 1}' >/srv/case/facts.d/one.fact
