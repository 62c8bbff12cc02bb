#!/bin/bash
# Run a command of the project on a fresh Debian: a bare tree of SUITE, entered in mount and PID namespaces of its own.
#   tree.sh SUITE [command]     bookworm, trixie...; without a command: make check && make demo
# The bare tree's tar, packages and what the project caches stay in .cache/SUITE for the next time.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "tree: root is needed" >&2; exit 1; }
[ $# -gt 0 ] || { sed -n '2,4p' "$0"; exit 2; }
. tests/lab/debian.sh

suite=$1; shift
cache=$PWD/.cache/$suite
base=$cache/bare.tar
tree=$cache/tree.$$
mkdir -p "$cache/project" "$cache/packages/partial"

make_base() {
    command -v mmdebstrap >/dev/null || apt-get -qq install --yes --no-install-recommends mmdebstrap >/dev/null
    echo "tree: making a bare $suite"
    bootstrap "$suite" "$base.new" make,ca-certificates --format=tar
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
    # Where the tree was killed, its labs' cgroups are left, empty: their /run is gone, and with it who knew of them.
    local cgroup name
    for cgroup in $(find /sys/fs/cgroup -maxdepth 2 -type d -name 'mvl-*' 2>/dev/null); do
        name=${cgroup##*/mvl-}
        [ -e "/run/macvland-lab/$name.lock" ] || ! grep -qx 'populated 0' "$cgroup/cgroup.events" ||
            find "$cgroup" -depth -type d -exec rmdir {} +
    done
}

[ -e "$base" ] || make_base
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir "$tree"
tar -C "$tree" -xf "$base"
copy_in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt $acquire
rm -f "$tree"/etc/apt/apt.conf.d/docker-clean
mkdir -p "$tree/root/macvland/.cache"
git archive HEAD | tar -C "$tree/root/macvland" -x

keep=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 CI="${CI:-}"
    PIP_CACHE_DIR=/root/macvland/.cache/pip)
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
    mount --bind "$cache/packages" var/cache/apt/archives
    mount --bind "$cache/project" root/macvland/.cache
    pivot_root . mnt
    umount --lazy /mnt
    cd /root/macvland
    exec env -i "$@"
' tree "$tree" "$cache" "${keep[@]}" bash -euc "${*:-make check && make demo}" </dev/null
