#!/bin/bash
# In the virtual machine: run the tests, and tell how they ended.   guest.sh SECONDS [arguments of pytest]
set -u
cd "$(dirname "$0")/../.."
echo "vm: Linux $(uname -r) is up after $(cut -d. -f1 /proc/uptime) s"
# In CI a skip is a failure, and here always.
export CI=true LAB_PATIENCE=4
timeout --signal=INT --kill-after=10 "$1" python3 -m pytest --quiet -p no:cacheprovider -o faulthandler_timeout=200 -o testpaths=tests/vm/guest "${@:2}"
echo "vm: exit status $?"
