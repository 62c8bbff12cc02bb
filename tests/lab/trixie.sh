#!/bin/bash
# make demo and make check in a fresh Debian 13 tree, entered in mount and PID namespaces of its own. The tree's tar and
# what the project caches in it stay in .cache/trixie for the next time.   trixie.sh [command in the tree]
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "trixie: root is needed" >&2; exit 1; }

suite=trixie
cache=$PWD/.cache/$suite
base=$cache/tree-$(sha256sum tests/lab/packages tests/lab/trixie.sh | sha256sum | cut -c1-12).tar
tree=$cache/tree.$$
mkdir -p "$cache/project"

# What this machine needs to reach its mirror and its package index, the tree needs as well.
mirror=$(awk '/^URIs:/{print $2; exit} /^deb /{for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+:\/\//) {print $i; exit}}' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || :)
acquire=$(grep -ls '^Acquire' /etc/apt/apt.conf.d/* || :)

make_base() {
    command -v mmdebstrap >/dev/null || apt-get -qq install --yes --no-install-recommends mmdebstrap >/dev/null
    echo "trixie: making a Debian 13 tree"
    local options=(--quiet --variant=minbase --format=tar)
    for file in $acquire; do options+=(--aptopt="$file"); done
    options+=(--aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*')
    # The lists stay: what the project sets up there by itself is the test.
    mmdebstrap "${options[@]}" --skip=cleanup/apt/lists --include="make,$(paste -sd, tests/lab/packages)" "$suite" "$base.new" ${mirror:+"$mirror"}
    mv "$base.new" "$base"
}

copy_in() {   # files of this machine, to the same place in the tree
    local file
    for file; do
        [ ! -f "$file" ] || install -D -m644 "$file" "$tree$file"
    done
}

clean_up() {
    rm -rf --one-file-system "$tree"
    # A tree that was killed cannot remove its labs' cgroups: its own /run is gone. They are empty.
    for cgroup in $(find /sys/fs/cgroup -maxdepth 2 -type d -name 'mvl-*' 2>/dev/null); do
        name=${cgroup##*/mvl-}
        [ -e "/run/macvland-lab/$name.lock" ] || ! grep -qx 'populated 0' "$cgroup/cgroup.events" 2>/dev/null || find "$cgroup" -depth -type d -exec rmdir {} +
    done
}

[ -e "$base" ] || make_base
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir "$tree"
tar -C "$tree" -xf "$base"
copy_in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt $acquire
mkdir -p "$tree/root/macvland/.cache"
git archive HEAD | tar -C "$tree/root/macvland" -x

keep=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 CI="${CI:-}")
while IFS= read -r variable; do keep+=("$variable"); done < <(env | grep -E '^(PIP_[A-Z_]*|[A-Z_]*_(CA_BUNDLE|CERT_FILE)|(https?|no)_proxy)=' || :)

# pivot_root, not chroot: runc pivots again, which the kernel allows on a mount point only.
unshare --mount --pid --fork --kill-child bash -euc '
    tree=$1; cache=$2; shift 2
    mount --bind "$tree" "$tree"
    cd "$tree"
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount --rbind /dev dev
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs tmp
    mount --bind "$cache" root/macvland/.cache
    pivot_root . mnt
    umount --lazy /mnt
    cd /root/macvland
    exec env -i "$@"
' trixie "$tree" "$cache/project" "${keep[@]}" bash -euc "${*:-make check && make demo}" </dev/null
