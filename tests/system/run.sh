#!/bin/bash
# The system test: a Debian 12 and a Debian 13, side by side, each with the package that is built here.
#   run.sh [options of pytest]     SUITES="trixie" run.sh: that one alone
set -eu
cd "$(dirname "$0")/../.."
mkdir -p .cache/system

packaging/build.sh deb >.cache/system/deb.log 2>&1 || { cat .cache/system/deb.log >&2; exit 1; }

test_suite() {
    tests/system/tree.sh "$1" && MACVLAND_SYSTEM=$1 .venv/bin/pytest --quiet -p no:cacheprovider "${@:2}" tests/system
}

declare -A jobs=()
for suite in ${SUITES:-bookworm trixie}; do
    test_suite "$suite" "$@" >".cache/system/$suite.log" 2>&1 &
    jobs[$suite]=$!
done
failed=0
for suite in "${!jobs[@]}"; do
    wait "${jobs[$suite]}" || failed=1
    echo "== $suite"
    cat ".cache/system/$suite.log"
done
exit "$failed"
