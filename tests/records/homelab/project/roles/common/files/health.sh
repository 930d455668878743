#!/bin/sh
# How the machine is.
echo "ok: kernel"
echo "warn: none"
