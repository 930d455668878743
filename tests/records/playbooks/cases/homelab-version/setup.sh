mkdir /srv/case/bin
printf '#!/bin/sh\necho tool 1.2\n' >/srv/www/tool-1.2
