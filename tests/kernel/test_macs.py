"""A MAC that somebody else has on the parent: where that can be seen, and that another one takes its place."""

from dataclasses import replace

import pytest

from macvland.action import Add
from macvland.kernel import Kernel
from macvland.model import Host
from tests.kernel.samples import SHIM, converge, do, seen
from tests.lab.netns import inside, ip, moved_away

ANOTHER = replace(SHIM, mac="02:4d:56:00:00:02")


@pytest.mark.fault("C57")
def test_a_mac_taken_where_nobody_looks_is_seen_on_the_parent_once_the_shim_could_not_come_up(kernel: Kernel) -> None:
    ip("link", "add", "other", "link", "eth0", "address", SHIM.mac, "type", "macvlan", "mode", "bridge")
    with moved_away("other") as container:
        with inside(container):
            ip("link", "set", "other", "up")
        (failure,) = kernel.apply([Add(SHIM)])
        assert failure.passing
        host = kernel.observe(Host())
        assert host.shims == {replace(SHIM, up=False)}
        assert [link.name for link in host.links if SHIM.mac in link.accepts] == ["eth0"]
        converge(kernel, Host(shims=frozenset({ANOTHER})))
        assert seen(kernel).shims == {ANOTHER}


def test_a_shim_that_is_down_is_not_in_its_own_way(kernel: Kernel) -> None:
    do(kernel, Add(SHIM))
    ip("link", "set", "mv-lan", "down")
    host = kernel.observe(Host())
    assert [link.name for link in host.links if SHIM.mac in link.accepts] == []
