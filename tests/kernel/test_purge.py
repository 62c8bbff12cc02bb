"""What `apt purge` takes away: nothing, where nobody can say what is in use."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging/debian/macvland.postrm"
# A host of its own: what the script looks at and takes away is in here alone.
STAGE = """
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mount -t sysfs none /sys
mkdir -p /run/bin /run/systemd/units
printf '#!/bin/sh\\n%s\\n' "$2" >/run/bin/docker
printf '#!/bin/sh\\nexit 1\\n' >/run/bin/systemctl
chmod +x /run/bin/docker /run/bin/systemctl
touch /run/docker.sock
eval "$3"
ip link add eth0 type veth peer eth0-lan
for name in used unused; do
    ip link add "mv-$name" link eth0 group 28022 type macvlan
    ip link set "mv-$name" alias "macvland: $name"
done
ip link add mv-foreign link eth0 type macvlan
PATH=/run/bin:$PATH sh -e "$1" purge
ls /sys/class/net | grep ^mv- | tr '\\n' ' '
"""
DOCKER = """case "$*" in
    "network ls --quiet"*) echo 1 2 ;;
    "ps "*network=1*) echo container ;;
    "ps "*) ;;
    "network rm 2") ;;
    "network ls --format"*) echo used ;;
    *) exit 1 ;;
esac"""
ACTIVE = "printf '#!/bin/sh\n' >/run/bin/systemctl"  # docker.socket is active
STAYS = "macvland: some networks or shims could not be removed, and stay.\n"


@pytest.mark.parametrize(
    ("docker", "stage", "told"),
    [
        (DOCKER, "", "mv-foreign mv-used "),
        ("exit 1", "", f"{STAYS}mv-foreign mv-unused mv-used "),
        (DOCKER.replace("echo used", "exit 1"), "", f"{STAYS}mv-foreign mv-unused mv-used "),
        (DOCKER, "rm /run/docker.sock", "mv-foreign mv-unused mv-used "),
        (DOCKER, ACTIVE, "mv-foreign mv-unused mv-used "),
        (DOCKER, f"{ACTIVE}; ln -s 0123 /run/systemd/units/invocation:docker.service", "mv-foreign mv-used "),
    ],
    ids=[
        "Docker answers",
        "it does not",
        "it ends in between",
        "it is not there",
        "it is stopped, and its socket would start it",
        "it runs behind its socket",
    ],
)
def test_purge_takes_away_what_nobody_uses_and_nothing_that_somebody_may(docker: str, stage: str, told: str) -> None:
    words = ("unshare", "--mount", "--net", "sh", "-ec", STAGE, "sh", str(SCRIPT), docker, stage)
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == told
