#!/bin/bash
# Run tests/vm/guest as root of a virtual machine with Debian's own kernel, whatever kernel this machine has.
#   run.sh --image                   only make what it boots from
#   run.sh [arguments of pytest]     SUITE=trixie  LIMIT=900: seconds from power on to the last test
# What the machine's console said stays in .cache/vm/console.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "vm: root is needed" >&2; exit 1; }
# Whoever started this may be killed: then this ends as well.
[ -n "${VM_RUN:-}" ] || VM_RUN=1 exec setpriv --pdeathsig TERM -- "$0" "$@"

limit=${LIMIT:-900}

# One at a time; also what tells tests/lab/traces.py that what it finds has an owner.
mkdir -p .cache/vm
exec {lock}>.cache/vm/lock
flock "$lock"

# Mount and PID namespaces of its own: with their first process the kernel takes all processes, mounts and files in
# them; and that one goes when this one goes, however it ends.
apart() { exec setpriv --pdeathsig KILL -- unshare --mount --pid --mount-proc --fork --kill-child -- "$@" {lock}>&-; }

trap 'exit 130' INT TERM HUP
off() { [ -z "${child:-}" ] || kill -KILL "$child" || :; wait; } 2>/dev/null
trap off EXIT

rm -rf --one-file-system .cache/vm/new.*
(apart timeout 600 tests/vm/image.sh "${SUITE:-trixie}") </dev/null & child=$!
wait "$child"
echo "vm: the image is there after $SECONDS s"
[ "${1:-}" != --image ] || { child=; exit 0; }
exec {report}< <(apart tests/vm/machine.sh "${SUITE:-trixie}" "$((limit - 30))" "$@" </dev/null); child=$!
end=$((SECONDS + limit))
while [ "$SECONDS" -lt "$end" ] && IFS= read -r -t $((end - SECONDS)) line <&"$report"; do
    case $line in
    "vm: exit status "*) status=${line##* }; break;;
    *) printf '%s\n' "$line";;
    esac
done
off
echo "vm: the machine is off after $SECONDS s"
[ -n "${status:-}" ] && exit "$status"
printf '%s\n' "$line" "vm: no end within $limit s; on the console:" >&2
tail -n 20 .cache/vm/console >&2
exit 1
