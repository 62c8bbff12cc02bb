#!/bin/sh
# What people do by hand, without a detour, to change a network with its containers on it.
#   replace.sh gateway container=address…
set -eu
gateway=$1; shift
for one; do docker network disconnect pub_net "${one%=*}"; done
docker network rm pub_net >/dev/null
docker network create --driver macvlan --opt parent=eth0 --subnet 192.168.1.0/24 --gateway "$gateway" \
    --ip-range 192.168.1.192/27 pub_net >/dev/null
for one; do docker network connect --ip "${one#*=}" pub_net "${one%=*}"; done
