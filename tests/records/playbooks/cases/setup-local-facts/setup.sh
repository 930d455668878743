mkdir /srv/case/facts.d
cd /srv/case/facts.d
printf '[a]\nb = 1\nC=two words\n' >ini.fact
printf '{"x": [1, true]}' >json.fact
printf '#!/bin/sh\necho "{\\"from\\": \\"program\\"}"\n' >program.fact
chmod 755 program.fact
printf 'ignored' >other.txt
