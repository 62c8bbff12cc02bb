"""Promiscuous mode of a parent, and whose it is."""

import pytest

from macvland.action import Add, Delete
from macvland.kernel import Kernel
from macvland.model import Host, Link, Promiscuity
from tests.kernel.samples import do, seen
from tests.lab.netns import ip, ip_json

pytestmark = pytest.mark.libraries

KEPT = Promiscuity(parent="eth0")


def eth0(kernel: Kernel) -> Link:
    (link,) = (link for link in kernel.observe(Host()).links if link.name == "eth0")
    return link


def flags() -> list[str]:
    found: list[str] = ip_json("link", "show", "eth0")[0]["flags"]
    return found


def test_what_is_kept_promiscuous_is_ours_and_no_fact_about_others(kernel: Kernel) -> None:
    do(kernel, Add(KEPT))
    assert "PROMISC" in flags()
    assert seen(kernel) == Host(promiscuous=frozenset({KEPT}))
    assert not eth0(kernel).promiscuous


def test_the_mark_is_no_name_of_the_link(kernel: Kernel) -> None:
    ip("link", "property", "add", "dev", "eth0", "altname", "uplink0")
    do(kernel, Add(KEPT))
    assert eth0(kernel).altnames == {"uplink0"}


def test_keeping_it_twice_is_success(kernel: Kernel) -> None:
    do(kernel, Add(KEPT))
    do(kernel, Add(KEPT))
    assert seen(kernel).promiscuous == {KEPT}


def test_what_is_released_carries_no_mark(kernel: Kernel) -> None:
    do(kernel, Add(KEPT))
    do(kernel, Delete(KEPT))
    assert "PROMISC" not in flags()
    assert "altnames" not in ip_json("link", "show", "eth0")[0]
    assert seen(kernel) == Host()


def test_releasing_what_is_not_marked_is_success(kernel: Kernel) -> None:
    do(kernel, Delete(KEPT))
    assert seen(kernel) == Host()


def test_promiscuous_mode_that_somebody_switched_off_is_seen_off(kernel: Kernel) -> None:
    do(kernel, Add(KEPT))
    ip("link", "set", "eth0", "promisc", "off")
    assert seen(kernel).promiscuous == {Promiscuity(parent="eth0", on=False)}


def test_a_mark_with_another_links_number_is_none(kernel: Kernel) -> None:
    ip("link", "property", "add", "dev", "eth0", "altname", "macvland-promiscuous-1")
    ip("link", "set", "eth0", "promisc", "on")
    assert seen(kernel).promiscuous == frozenset()
    assert eth0(kernel).promiscuous


@pytest.mark.parametrize("verb", [Add, Delete])
def test_a_parent_that_is_not_there_is_waited_for(kernel: Kernel, verb: type[Add] | type[Delete]) -> None:
    (failure,) = kernel.apply([verb(Promiscuity(parent="eth9"))])
    assert (failure.passing, failure.reason) == (True, "No such device (there is no link 'eth9')")
