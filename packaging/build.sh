#!/bin/bash
# Build the packages from what is committed, and say what lintian, rpmlint and systemd-analyze think of them.
#   build.sh [deb|rpm]...     into build/packages; both without words
set -eu
cd "$(dirname "$0")/.."
export PATH=/usr/sbin:/usr/bin:/sbin:/bin   # the distribution's Python, not one that a user has before it
out=$PWD/build/packages
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' macvland/__init__.py)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n== %s\n' "$1"; }

# One source archive for both: what is committed, or where there is no repository, what a release has unpacked.
if git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
    git archive --format=tar.gz --prefix="macvland-$version/" --output="$work/macvland-$version.tar.gz" HEAD
else
    tar --exclude-vcs --exclude='./.*' --exclude=./build --exclude='*.egg-info' --exclude=__pycache__ \
        --transform="s,^\.,macvland-$version," -czf "$work/macvland-$version.tar.gz" .
fi
mkdir -p "$out"

build_deb() {
    say "deb"
    tar -C "$work" -xf "$work/macvland-$version.tar.gz"
    cp "$work/macvland-$version.tar.gz" "$work/macvland_$version.orig.tar.gz"
    cp -a "$work/macvland-$version/packaging/debian" "$work/macvland-$version/debian"
    (cd "$work/macvland-$version" && dpkg-buildpackage --no-sign --build=full) >"$work/deb.log" 2>&1 ||
        { cat "$work/deb.log"; return 1; }
    rm -f "$out"/macvland_*
    mv "$work"/macvland_* "$out"
    (cd "$out" && ls -s1h macvland_*)
    say "lintian"
    # As root it has a remark on that.
    lintian --allow-root --pedantic --display-info --fail-on error,warning "$out"/macvland_*.changes && echo "lintian: no errors, no warnings"
}

build_rpm() {
    say "rpm"
    rpmbuild --define "_topdir $work/rpm" --define "_sourcedir $work" \
        -ba packaging/macvland.spec >"$work/rpm.log" 2>&1 || { cat "$work/rpm.log"; return 1; }
    rm -f "$out"/macvland-*.rpm
    find "$work/rpm" -name '*.rpm' -exec mv {} "$out" \;
    (cd "$out" && ls -s1h macvland-*.rpm)
    say "rpmlint"
    rpmlint --config packaging/rpmlint.toml "$out"/macvland-*.rpm packaging/macvland.spec
}

for kind in ${*:-deb rpm}; do "build_$kind"; done
say "tests of both"
[ $# -gt 0 ] || MACVLAND_PACKAGES=1 .venv/bin/pytest --quiet tests/packages
say "systemd-analyze security"
for unit in systemd/*.service; do systemd-analyze security --offline=true "$unit" | tail -n 1; done
