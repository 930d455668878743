#!/bin/sh
echo homelab
