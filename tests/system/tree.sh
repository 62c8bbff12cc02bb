#!/bin/bash
# Make the Debian tree that the system test boots: tree.sh SUITE. It stays in .cache/system/SUITE, for all further runs.
#
# What macvland needs is downloaded into the tree, and not installed: `apt install ./macvland_*.deb` does that, without a
# network, by what the package itself says.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "tree: root is needed" >&2; exit 1; }

suite=$1
tree=$PWD/.cache/system/$suite
base=systemd,systemd-sysv,dbus,iproute2,iputils-ping,python3,docker.io,busybox-static,ca-certificates
[ "$suite" = bookworm ] || base+=,docker-cli   # a package of its own since Debian 13
libraries="python3-docker python3-pyroute2 python3-systemd python3-tomli python3-watchdog"

# A tree of another recipe, or one of which only a part was made, is none.
recipe=$(md5sum <"$0" | cut -c-32)
[ "$(cat "$tree/recipe" 2>/dev/null)" != "$recipe" ] || exit 0

. tests/lab/debian.sh
options=(--skip=cleanup/apt/lists,cleanup/apt/cache --aptopt='APT::Install-Recommends "false"')
options+=(--dpkgopt='path-exclude=/usr/share/locale/*')
options+=(--dpkgopt='path-include=/usr/share/man/man*/macv*' --dpkgopt='path-include=/usr/share/doc/macvland/*')
options+=(--customize-hook='rm "$1"/var/cache/apt/archives/*.deb')
options+=(--customize-hook="APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get --yes --download-only install $libraries >/dev/null")

echo "tree: making a $suite"
new=$tree.new.$$
trap 'rm -rf --one-file-system "$new"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$new"
bootstrap "$suite" "$new/root" "$base" "${options[@]}"
# The archive of a machine is its keepers' business; the tree asks for nothing but what it has.
rm -f "$new/root/etc/resolv.conf"
echo "$recipe" >"$new/recipe"
rm -rf --one-file-system "$tree"
mv "$new" "$tree"
