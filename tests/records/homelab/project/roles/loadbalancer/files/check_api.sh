#!/bin/sh
exec curl -sfk https://localhost:6443/healthz
