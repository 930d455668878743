groupadd -g 4300 old
groupadd gone
