echo abc.def >/srv/case/token
