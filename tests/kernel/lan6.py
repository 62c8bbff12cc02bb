"""A LAN with IPv6 for the kernel's tests: a host with a network, a container on it, and a device that may object.

All three are network namespaces with real links between them; Docker is a table in memory.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Network, ip_address
from pathlib import Path

from macvland.condition import Kind
from macvland.kernel import Kernel
from macvland.model import Attachment, Dad, Goal, Host
from macvland.reconcile import Pass, converge, look
from macvland.wanted import wanted
from tests.kernel.samples import ours
from tests.kernel.test_convergence import MACHINE_ID, Table, declaration_of
from tests.lab import wait_until
from tests.lab.netns import add_parent, inside, ip, ip_json, moved_away, private_network
from tests.unit.samples import declared

HOST6, DEVICE6, OWN6, WEB6 = "fd00::50", "fd00::60", "fd00::223", "fd00::51"
WEB_MAC = "02:42:c0:a8:01:33"
FILE = """
[network]
parent = "eth0"
[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
[[subnet]]
cidr = "fd00::/64"
gateway = "fd00::1"
[shim]
address = ["192.168.1.223", "fd00::223"]
"""
WEB = Attachment(
    network="lan",
    network_id="",
    container="web",
    mac=WEB_MAC,
    addresses=frozenset({ip_address("192.168.1.51"), ip_address(WEB6)}),
)


@dataclass
class Lan:
    """The host, in whose namespace the calling thread is; *device* and *web* are the namespaces of the others."""

    device: int
    web: int
    kernel: Kernel = field(default_factory=Kernel)
    docker: Table = field(default_factory=lambda: Table(containers=(WEB,)))

    def reconcile(self, *, recheck: bool = False) -> Pass:
        """Do one pass, in which nothing fails; with *recheck*, ask again for what another device had."""
        config = declared(declaration_of("lan", FILE))
        before = look(self.kernel, self.docker).addresses if recheck else frozenset()
        denied = {it for it in before if it.dad is Dad.FAILED}

        def want(seen: Host) -> Goal:
            # The LAN may object at once: in the same pass it is not asked again.
            asked = frozenset(it for it in seen.addresses if it in denied)
            denied.clear()
            return wanted(config, seen, MACHINE_ID, recheck=asked)

        ended = converge(want, self.kernel, self.docker, lambda *_: True)
        assert (ended.failures, ended.left) == ((), ())
        return ended

    def settle(self, hold: Kind | None = None) -> Host:
        """Reconcile until nothing but *hold* is in the way, and return what is ours then."""
        expected = {hold} if hold else set()
        wait_until(lambda: {it.kind for it in self.reconcile().goal.obstacles} == expected, what=f"{hold or 'calm'}")
        return ours(look(self.kernel, self.docker))


@contextmanager
def lan6(*, dad: bool = True) -> Iterator[Lan]:
    """Make the LAN; without *dad*, addresses are certain at once."""
    with private_network():
        if not dad:
            Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0", encoding="ascii")
        add_parent("eth0", address="192.168.1.50/24")
        ip("address", "add", f"{HOST6}/64", "dev", "eth0", "nodad")
        ip("link", "add", "web0", "link", "eth0", "address", WEB_MAC, "type", "macvlan", "mode", "bridge")
        with moved_away("eth0-lan") as device, moved_away("web0") as web:
            with inside(device):
                ip("link", "set", "eth0-lan", "up")
                ip("address", "add", f"{DEVICE6}/64", "dev", "eth0-lan", "nodad")
            with inside(web):
                ip("link", "set", "web0", "up")
                ip("address", "add", f"{WEB6}/64", "dev", "web0", "nodad")
            yield Lan(device, web)


def advertise(prefix: str, interface: str) -> None:
    """Send one router advertisement (RFC 4861, 4.2) for *prefix*, from *interface* in this thread's namespace."""
    network = IPv6Network(prefix)
    advertisement = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack(">BBBBIII16s", 3, 4, network.prefixlen, 0xC0, 3600, 1800, 0, network.network_address.packed)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
        router.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        router.sendto(advertisement + option, ("ff02::1", 0, 0, socket.if_nametoindex(interface)))


def link_local(interface: str) -> bool:
    """Tell whether *interface* has a link-local address that is certain: an advertisement comes from there alone."""
    shown = ip_json("-6", "address", "show", "dev", interface, "scope", "link", "-tentative")
    return any(link["addr_info"] for link in shown)
