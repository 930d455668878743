#!/bin/sh
echo ran > /srv/case/ran
