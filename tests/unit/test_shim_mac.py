"""Which MAC a shim has: its first, unless somebody else has that."""

from dataclasses import replace

import pytest

from macvland.model import Host, Link, shim_mac
from tests.unit.samples import ETH0, HOST, MACHINE, PUB, container, declared, goal

FIRST, SECOND, THIRD = (shim_mac(MACHINE, "pub_net", spare) for spare in range(3))


def mac(seen: Host) -> str:
    (shim,) = goal(declared(PUB), seen).host.shims
    return shim.mac


def other(mac: str) -> Link:
    return Link(name="other", index=9, kind="macvlan", mac=mac)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (HOST, FIRST),
        (replace(HOST, links=HOST.links | {other(FIRST)}), SECOND),
        (replace(HOST, attachments=frozenset({container("web", "192.168.1.51", mac=FIRST)})), SECOND),
        (replace(HOST, links=frozenset({replace(ETH0, accepts=frozenset({FIRST, SECOND}))})), THIRD),
    ],
    ids=["free", "a link has it", "a container has it", "somebody on the parent has two"],
)
@pytest.mark.fault("C57")
def test_it_is_the_first_that_nobody_else_has(seen: Host, expected: str) -> None:
    assert mac(seen) == expected


@pytest.mark.fault("C57")
def test_what_works_stays() -> None:
    (shim,) = goal(declared(PUB), HOST).host.shims
    for works in (FIRST, SECOND):
        seen = replace(HOST, shims=frozenset({replace(shim, mac=works)}), links=HOST.links | {other(FIRST)})
        assert mac(seen) == works


def test_one_that_is_down_may_be_so_because_of_its_mac() -> None:
    (shim,) = goal(declared(PUB), HOST).host.shims
    parent = replace(ETH0, accepts=frozenset({FIRST}))
    seen = replace(HOST, shims=frozenset({replace(shim, up=False)}), links=frozenset({parent}))
    assert mac(seen) == SECOND


def test_a_mac_that_is_none_of_its_own_does_not_stay() -> None:
    (shim,) = goal(declared(PUB), HOST).host.shims
    assert mac(replace(HOST, shims=frozenset({replace(shim, mac="02:00:00:00:00:99")}))) == FIRST
