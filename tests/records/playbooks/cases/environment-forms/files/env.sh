echo "s $S $A" >> /srv/case/log
