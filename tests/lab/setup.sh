#!/bin/sh
# Set up what the lab needs and this machine lacks: packages that start nothing, and a virtual environment of the
# project's own. Quick when all is there.
#   setup.sh [distro | packages | vm]   distro: also one that rests on Debian's libraries; the others: what these need
set -eu
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "setup: root is needed, for network namespaces and packages" >&2; exit 1; }

install_missing() {
    missing=$(for package; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done)
    [ -n "$missing" ] || return 0
    echo "setup: installing" $missing
    # shellcheck disable=SC2086  # a list of words
    apt install $missing || { apt update && apt install $missing; } || { cat .cache/apt.log >&2; return 1; }
}

apt() {
    verb=$1; shift
    # One at a time: another target may be setting itself up, and apt-get does not wait for a lock.
    DEBIAN_FRONTEND=noninteractive flock .cache apt-get -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$verb" --yes --no-install-recommends "$@" >.cache/apt.log 2>&1
}

# A python3 earlier on PATH may be a version manager's shim; the distribution's is preferred.
find_python() {
    for python in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
        "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$python"; return; }
    done
    echo "setup: no Python 3.11 or later" >&2; return 1
}

# venv DIRECTORY [venv options] -- PIP ARGUMENTS: made anew when pyproject.toml is newer
make_venv() {
    directory=$1; shift
    [ "$directory/ready" -nt pyproject.toml ] && return
    echo "setup: making $directory"
    options=
    while [ "$1" != -- ]; do options="$options $1"; shift; done; shift
    # shellcheck disable=SC2086
    "$(find_python)" -m venv --clear $options "$directory"
    "$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >.cache/pip.log 2>&1 || { cat .cache/pip.log >&2; return 1; }
    touch "$directory/ready"
}

mkdir -p .cache
install_missing $(cat tests/lab/packages)
make_venv .venv -- --editable '.[test]'
if [ "${1:-}" = distro ]; then
    install_missing python3-docker python3-pyroute2 python3-systemd python3-tomli python3-watchdog
    make_venv .cache/venv-distro --system-site-packages -- 'pytest>=8' 'pytest-xdist>=3' 'hypothesis>=6' 'jsonschema>=4.0'
fi
[ "${1:-}" != system ] || install_missing $(cat packaging/packages) mmdebstrap systemd-container
[ "${1:-}" != packages ] || install_missing $(cat packaging/packages)
[ "${1:-}" != vm ] || install_missing e2fsprogs mmdebstrap qemu-system-x86
.venv/bin/python -c 'from tests.lab import engine, podman; engine.environment(); podman.environment()'
