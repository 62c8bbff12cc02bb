"""How macvlanctl doctor looks at many LANs: in one sweep, told apart afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network

import pytest

from macvland.cli.arp.lan import Lan
from macvland.cli.doctor import gather
from macvland.cli.doctor.snapshot import Snapshot
from macvland.lan.sweep import Swept, sweep
from macvland.model import Host, Link, Subnet
from tests.lab.netns import add_parent, ip, ip_json, private_network
from tests.unit.samples import declared


def link(name: str) -> Link:
    (shown,) = ip_json("link", "show", name)
    own = frozenset({ip_interface("10.9.0.50/16")})
    return Link(name=name, index=shown["ifindex"], mac=shown["address"], addresses=own)


def lan(number: int, parent: Link) -> Lan:
    cidr = ip_network(f"10.9.{number}.0/30")
    return Lan(network=f"n{number}", link=parent, subnets=(Subnet(cidr=cidr, gateway=ip_address(f"10.9.{number}.1")),))


def test_one_sweep_asks_all_networks_and_each_gets_its_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps: list[int] = []

    def counted(asked: Iterable[tuple[Link, Sequence[IPv4Address]]], rate: int) -> Mapping[str, Swept]:
        sweeps.append(rate)
        return sweep(asked, rate)

    monkeypatch.setattr(gather, "sweep", counted)
    with private_network():
        for name in ("eth0", "eth1", "eth2"):
            add_parent(name, address="10.9.0.50/16")
        parents = [link(name) for name in ("eth0", "eth1", "eth2")]
        chosen = [lan(number, parents[number % 3]) for number in range(12)]
        ip("link", "set", "eth2", "down")
        notes = gather.Notes()
        shot = Snapshot(config=declared(), seen=Host(links=frozenset(parents)))
        found = list(gather._sightings(chosen, shot, notes))
    assert sweeps == [4 * gather.RATE]
    assert [one.lan for one in found] == chosen
    expected = [
        {ip_address(f"10.9.{number}.{it}") for it in (1, 2)} if number % 3 < 2 else set() for number in range(12)
    ]
    assert [set(one.asked) - {ip_address("10.9.0.50")} for one in found] == expected
    assert notes.words == ["the LAN was not asked: 'eth2' cannot be swept: Network is down; is it up?"]
