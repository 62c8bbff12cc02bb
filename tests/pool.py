"""Hosts with Docker that the tests of one worker share, by what their dockerd is started with.

Each is handed out as if it were new: what a module left is taken away, and the rest is compared with what the host was
like at first. One that differs, or does not answer, is not handed out again: the next in need gets a new one.
"""

import re
from dataclasses import dataclass, field

from docker.errors import DockerException
from requests.exceptions import RequestException

from tests.lab import CommandError, Host, Lab, run
from tests.lab.command import TimeIsUpError
from tests.scene import api, tidy

Flags = tuple[str, ...]

# Settings that the kernel lets nobody read, or that tell of time, are left out.
SETTINGS = r"""
cd /proc/sys/net && grep -rs '' ipv4/ip_forward ipv4/conf/{all,default,lo,eth0} ipv6/conf/{all,default,lo,eth0}
"""
FILES = r"""
find /etc -xdev -type f ! -path '/etc/containerd/*' ! -path '/etc/macvlan.d/*' -exec cksum {} + | sort
"""
NAMES = r"""
find /etc /var/lib /run -xdev \( -path /var/lib/docker -o -path /var/lib/containerd -o -path '/run/docker*' \
    -o -path /run/containerd -o -path /run/macvlan.d -o -path /etc/containerd \) -prune -o -print | sort
"""
LOOKS = (
    "hostname",
    "ip -details link show",
    "ip address show",
    "ip route show table all",
    "ip -6 route show table all",
    "ip rule; ip -6 rule",
    "ip neighbour show nud permanent; ip neighbour show proxy",
    "tc qdisc show; tc filter show dev eth0",
    SETTINGS,
    FILES,
    NAMES,
)
INDEX = re.compile(r"^\d+: |@if\d+|link-netnsid \d+")  # another one after each unplugging


@dataclass(frozen=True)
class Ground:
    """A LAN with one host on it."""

    lab: Lab
    host: Host
    first: str  # how the host looked when it was new
    names: frozenset[str]  # of its files and directories


@dataclass
class Pool:
    """The hosts that nobody uses at the moment."""

    _idle: dict[Flags, Ground] = field(default_factory=dict)
    made: int = 0
    thrown: list[str] = field(default_factory=list)  # who left a host that is not as it was, and what is other

    def take(self, flags: Flags) -> Ground:
        """Return a host whose dockerd runs with *flags* and has nothing of anybody's."""
        if ground := self._idle.pop(flags, None):
            return ground
        self.made += 1
        lab = Lab()
        lab.__enter__()
        host = lab.host()
        host.dockerd(*flags)
        return Ground(lab, host, look(host, lab), names(host))

    def give_back(self, flags: Flags, ground: Ground, who: str) -> None:
        """Clean the host and keep it, or note what the module *who* has done to it and throw it away."""
        try:
            clean(ground)
            found = differences(ground.first, look(ground.host, ground.lab))
        except (AssertionError, CommandError, DockerException, OSError, RequestException, TimeIsUpError) as error:
            found = str(error)
        if found:
            self.thrown.append(f"{who}: {found}")
            ground.lab.close()
        else:
            self._idle[flags] = ground

    def close(self) -> None:
        """Take away every host."""
        while self._idle:
            self._idle.popitem()[1].lab.close()


def clean(ground: Ground) -> None:
    """Take away what a module has left; Docker goes on."""
    host, lab = ground.host, ground.lab
    for station in [one for one in lab.stations if one not in (host, lab.router)]:
        lab.take_away(station)
    assert host.engine.running, "its Docker has ended"
    host.engine.resume()
    host.end_all_but_docker()
    host.run("sh", "-c", "umount -q /run/macvland; rm -rf /run/macvland /var/lib/macvland /run/macvlan.d")
    host.run("rm", "-rf", *sorted(names(host) - ground.names))
    tidy(host)
    for log in host.root.glob("macvland-*.log"):
        log.unlink()
    for station in (host, lab.router):
        station.ip("neighbour", "flush", "all")
    run("ip", "-n", lab.state.namespace("switch"), "link", "set", "bridge", "type", "bridge", "fdb_flush")


def names(host: Host) -> frozenset[str]:
    """Return the names of the host's own files and directories, but for those of Docker."""
    return frozenset(host.run("sh", "-c", NAMES).splitlines())


def look(host: Host, lab: Lab) -> str:
    """Return everything that two modules could hand to each other: of the kernel, Docker, the files and the LAN."""
    with api(host) as client:
        docker = [
            *(f"container {one['Id']}" for one in client.containers(all=True)),
            *sorted(f"network {one['Name']} {one['Driver']}" for one in client.networks()),
            *(f"volume {one['Name']}" for one in client.volumes()["Volumes"] or ()),
            *sorted(f"image {one['Id']}" for one in client.images()),
            f"swarm {client.info()['Swarm']['LocalNodeState']}",
        ]
    inside = host.run("bash", "-c", "\n".join(LOOKS))
    router = lab.router.run("sh", "-c", "ip address; ip route; ip neighbour show nud permanent")
    # A new link's own IPv6 address is there a second later.
    lines = (*docker, *inside.splitlines(), *router.splitlines())
    return "\n".join(INDEX.sub("", line) for line in lines if "fe80:" not in line)


def differences(before: str, after: str) -> str:
    """Return the lines that are only in one of the two."""
    gone = [f"- {line}" for line in before.splitlines() if line not in after.splitlines()]
    new = [f"+ {line}" for line in after.splitlines() if line not in before.splitlines()]
    return "\n".join((*gone, *new))
