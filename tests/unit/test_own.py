"""Which addresses a shim has of its own: those its file gives, and those derived."""

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

import pytest

from macvland.config.declaration import HostDeclaration
from macvland.model import Address, Prefix, Subnet
from macvland.wanted.own import LEAST, derived
from tests.unit.samples import HOST, LAN, MACHINE, PUB, declaration, declared, goal

LAN6 = IPv6Network("2001:db8:1::/64")
NONE: frozenset[Prefix] = frozenset()
NOBODY: frozenset[Address] = frozenset()
ANOTHER_MACHINE = MACHINE[::-1]


def pools(*texts: str) -> frozenset[Prefix]:
    return frozenset(map(ip_network, texts))


def test_it_is_the_same_at_every_boot() -> None:
    assert derived(MACHINE, "pub_net", LAN6, NONE, NOBODY) == IPv6Address("2001:db8:1:0:9bb1:38ce:24d2:f030")


def test_it_is_another_one_on_every_host_for_every_network_and_in_every_subnet() -> None:
    cases = (
        (MACHINE, "pub_net", LAN6),
        (ANOTHER_MACHINE, "pub_net", LAN6),
        (MACHINE, "lab", LAN6),
        (MACHINE, "pub_net", IPv6Network("2001:db8:2::/64")),
    )
    found = [derived(*case, NONE, NOBODY) for case in cases]
    assert len({int(one or 0) % (1 << 64) for one in found}) == len(cases)


@pytest.mark.parametrize("cidr", ["2001:db8:1::/64", "fd00::/8", "2001:db8:1::/96", "2001:db8:1::8000:0:0/81"])
def test_it_is_in_its_subnet_and_not_the_anycast_of_the_routers(cidr: str) -> None:
    subnet = IPv6Network(cidr)
    found = {derived(MACHINE, f"network{number}", subnet, NONE, NOBODY) for number in range(100)}
    assert len(found) == 100
    assert all(one in subnet and one != subnet.network_address for one in found if one)
    assert None not in found


def test_it_is_never_in_a_range() -> None:
    ranges = pools("2001:db8:1::/65", "2001:db8:1:0:8000::/66")
    for number in range(200):
        found = derived(MACHINE, f"network{number}", LAN6, ranges, NOBODY)
        assert found in IPv6Network("2001:db8:1:0:c000::/66")


def test_it_is_never_in_a_range_that_another_host_has() -> None:
    halves = (HostDeclaration(key=half, pattern=half, ranges=pools(half)) for half in ("2001:db8:1::/65", "10.0.0.0/8"))
    ours = replace(PUB, subnets=(Subnet(cidr=LAN6),), hosts=tuple(halves))
    for number in range(64):
        (found,) = goal(declared(replace(ours, name=f"network{number}")), HOST).host.addresses
        assert found.address in IPv6Network("2001:db8:1:0:8000::/65")


def test_it_steps_over_what_is_taken() -> None:
    first = derived(MACHINE, "pub_net", LAN6, NONE, NOBODY)
    assert first
    second = derived(MACHINE, "pub_net", LAN6, NONE, frozenset({first}))
    assert second
    assert second != first
    assert derived(MACHINE, "pub_net", LAN6, NONE, frozenset({first, second})) not in {None, first, second}


@pytest.mark.parametrize(
    ("cidr", "ranges"),
    [
        ("2001:db8:1::/97", ()),
        ("2001:db8:1::/96", ("2001:db8:1::/120",)),
        ("2001:db8:1::/64", ("2001:db8:1::/64",)),
        ("2001:db8:1::/128", ()),
        # Enough are free, but one in 2³² of all: to find one would take as many tries.
        ("2001:db8:1::/64", [str(one) for one in LAN6.address_exclude(IPv6Network("2001:db8:1::/96"))]),
    ],
)
def test_there_is_none_where_too_few_are_free(cidr: str, ranges: tuple[str, ...]) -> None:
    assert derived(MACHINE, "pub_net", IPv6Network(cidr), pools(*ranges), NOBODY) is None


def test_the_least_is_what_the_documentation_says() -> None:
    assert IPv6Network("2001:db8:1::/96").num_addresses == LEAST


def test_what_another_file_takes_of_the_same_subnet_is_stepped_over() -> None:
    pool = Subnet(cidr=LAN6, range=ip_network("2001:db8:1::/120"))
    mine = declaration("alpha", pool)
    (alone,) = goal(declared(mine), HOST).host.addresses
    for other in (
        declaration("beta", Subnet(cidr=LAN6, range=ip_network(f"{alone.address}/128"))),
        declaration("beta", Subnet(cidr=LAN6, range=pool.range, reserved=frozenset({alone.address}))),
        declaration("beta", Subnet(cidr=LAN6, range=pool.range, gateway=alone.address)),
        declaration("beta", Subnet(cidr=LAN6), "eth0", str(alone.address)),
    ):
        found = {it.shim: it.address for it in goal(declared(mine, other), HOST).host.addresses}
        assert found["mv-alpha"] != alone.address


def test_a_given_address_takes_the_place_of_a_derived_one() -> None:
    both = replace(declaration("alpha", LAN, "eth0", "2001:db8:1::5"), subnets=(LAN, Subnet(cidr=LAN6)))
    assert [it.address for it in goal(declared(both), HOST).host.addresses] == [ip_address("2001:db8:1::5")]


def test_an_ipv4_subnet_gets_none() -> None:
    assert goal(declared(PUB), HOST).host.addresses == frozenset()
