#!/bin/sh
# What the published shim scripts do, complete and without a detour: the Docker network, the host's own macvlan link
# beside it, the route to the containers, and arp_filter, which they forget.   shim.sh [address of the shim]
set -eu
docker network create --driver macvlan --opt parent=eth0 --subnet 192.168.1.0/24 --gateway 192.168.1.1 \
    --ip-range 192.168.1.192/27 --aux-address "host=${1:-192.168.1.50}" pub_net >/dev/null
ip link add shim link eth0 type macvlan mode bridge
echo 1 >/proc/sys/net/ipv4/conf/shim/arp_filter
echo 0 >/proc/sys/net/ipv6/conf/shim/accept_ra
echo 0 >/proc/sys/net/ipv6/conf/shim/autoconf
[ $# = 0 ] || ip address add "$1/32" dev shim
ip link set shim up
ip route add 192.168.1.192/27 dev shim src "${1:-192.168.1.50}"
