"""What the kernel refuses reaches people as a reason, attributed to the action, and stops nothing else."""

import errno
import os
import pickle
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from macvland.action import Action, Add, Change, Failure
from macvland.kernel import Kernel
from macvland.kernel.channel import Refusal
from macvland.kernel.refusal import explain
from macvland.model import Host, Mode, Shim, Vlan
from tests.conditions import outcomes
from tests.kernel.samples import ADDRESS, NEIGHBOUR, ROUTE, SHIM, do, make, seen
from tests.lab.netns import add_bridge, ip, private_mounts

OTHER = replace(SHIM, name="mv-two", network="two", mac="02:4d:56:00:00:02")


def port_of_a_bridge() -> None:
    add_bridge("br0", "eth0")


def passthru_child() -> None:
    ip("link", "add", "pass0", "link", "eth0", "type", "macvlan", "mode", "passthru")


def name_taken() -> None:
    ip("link", "add", "mv-lan", "type", "bridge")


def mac_taken() -> None:
    ip("link", "set", "eth0", "address", SHIM.mac)


def nothing() -> None:
    return


REFUSALS: dict[str, tuple[Callable[[], None], Shim, str, bool]] = {
    "a port of a bridge": (port_of_a_bridge, SHIM, "parent 'eth0' is a port of 'br0'; use 'br0' as the parent", False),
    "a child in passthru mode": (
        passthru_child,
        SHIM,
        "a macvlan in passthru mode, in a container perhaps, has parent 'eth0' for itself",
        True,
    ),
    "the loopback": (nothing, replace(SHIM, parent="lo"), "parent 'lo' is no Ethernet link", False),
    "the name taken": (name_taken, SHIM, "another link is called 'mv-lan'", False),
    "no parent": (nothing, replace(SHIM, parent="eth9"), "parent 'eth9' does not exist", True),
    "MTU too large": (nothing, replace(SHIM, mtu=9000), "its MTU 9000 is above the 1500 of parent 'eth0'", False),
    "MAC of the parent": (
        mac_taken,
        SHIM,
        "somebody else has its MAC 02:4d:56:00:00:01 on parent 'eth0'; it takes another one",
        True,
    ),
}


@pytest.mark.parametrize(("before", "shim", "reason", "passing"), REFUSALS.values(), ids=REFUSALS)
def test_a_refused_shim_is_told_with_its_cure(
    kernel: Kernel,
    before: Callable[[], None],
    shim: Shim,
    reason: str,
    passing: bool,  # noqa: FBT001 - a table
) -> None:
    before()
    kernel.observe(Host())
    assert outcomes(*kernel.apply([Add(shim)])) == ((Add(shim), reason, passing),)


def test_a_vlan_link_is_made_or_the_kernel_is_said_to_have_none(kernel: Kernel) -> None:
    vlan = Vlan(name="eth0.50", parent="eth0", id=50, mtu=1500, network="lan")
    reason = "this kernel has no 802.1Q VLANs: its module 8021q is missing"
    failures = kernel.apply([Add(vlan)])
    assert (outcomes(*failures), seen(kernel).vlans) in (
        ((), {vlan}),
        (((Add(vlan), reason, False),), frozenset()),
    )


@pytest.mark.parametrize(
    ("code", "words", "reason", "passing"),
    [
        (
            errno.EOPNOTSUPP,
            "Unknown device type",
            "this kernel has no 802.1Q VLANs: its module 8021q is missing",
            False,
        ),
        (
            errno.EOPNOTSUPP,
            "VLANs not supported on device",
            "Operation not supported (VLANs not supported on device)",
            False,
        ),
        (errno.EEXIST, "", "another link is called 'eth0.50', or is VLAN 50 of 'eth0' already", False),
        (errno.ENODEV, "", "parent 'eth0' does not exist", True),
        (errno.ENETDOWN, "", "parent 'eth0' is down", True),
    ],
    ids=str,
)
def test_a_refused_vlan_link_is_told_with_its_cure(
    code: int,
    words: str,
    reason: str,
    passing: bool,  # noqa: FBT001 - a table
) -> None:
    action = Add(Vlan(name="eth0.50", parent="eth0", id=50, mtu=1500))
    assert outcomes(explain(action, Refusal(code, words), ())) == ((action, reason, passing),)


def test_a_parent_that_went_since_the_last_look_is_waited_for(kernel: Kernel) -> None:
    kernel.observe(Host())
    ip("link", "delete", "eth0")
    (failure,) = kernel.apply([Add(SHIM)])
    assert outcomes(failure) == ((Add(SHIM), "parent 'eth0' does not exist", True),)


def test_of_a_shim_only_the_first_failure_is_told(kernel: Kernel) -> None:
    lost = replace(SHIM, parent="eth9")
    actions = [Add(lost), Add(ADDRESS), Add(ROUTE), Add(NEIGHBOUR)]
    assert [failure.action for failure in kernel.apply(actions)] == [Add(lost)]


def test_one_refused_shim_stops_no_other(kernel: Kernel) -> None:
    lost = replace(SHIM, mtu=9000)
    assert [failure.action for failure in kernel.apply([Add(lost), Add(OTHER)])] == [Add(lost)]
    assert seen(kernel).shims == {OTHER}


def test_another_programs_route_is_in_the_way_and_stays(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("route", "add", "192.168.1.51", "dev", "eth0", "protocol", "static")
    (failure,) = kernel.apply([Add(ROUTE)])
    assert failure.reason == "another program's route to 192.168.1.51 is in the way"
    assert "dev eth0 proto static" in ip("route", "show", "192.168.1.51")


def test_a_source_that_the_host_lacks_is_named(kernel: Kernel) -> None:
    make(kernel, SHIM)
    route = replace(ROUTE, source=ip_address("192.168.1.99"))
    assert outcomes(*kernel.apply([Add(route)])) == (
        (Add(route), "the host has no address 192.168.1.99 to send from", True),
    )


def test_the_kernels_own_words_are_passed_on(kernel: Kernel) -> None:
    make(kernel, replace(SHIM, up=False))
    (failure,) = kernel.apply([Add(ROUTE)])
    assert outcomes(failure) == ((Add(ROUTE), "Network is down (Device for nexthop is not up)", True),)


def test_things_on_a_shim_that_is_not_there_fail_for_now(kernel: Kernel) -> None:
    (failure,) = kernel.apply([Add(ROUTE)])
    assert failure.passing
    assert "'mv-lan'" in failure.reason


def test_without_cap_net_admin_the_reason_says_so(kernel: Kernel) -> None:
    assert outcomes(*in_a_child(drop_capabilities, kernel, [Add(SHIM)])) == (
        (Add(SHIM), "the kernel does not permit it: macvland needs CAP_NET_ADMIN", False),
    )


def test_without_cap_net_admin_looking_works(kernel: Kernel) -> None:
    assert in_a_child(drop_capabilities, kernel, []) == ()


def test_a_read_only_proc_sys_is_told_and_leaves_the_shim_down(kernel: Kernel) -> None:
    (failure,) = in_a_child(write_protect_proc_sys, kernel, [Add(SHIM)])
    assert (failure.action, failure.passing) == (Add(SHIM), False)
    assert failure.reason == "Read-only file system (/proc/sys/net/ipv6/conf/mv-lan/accept_ra)"
    assert [shim.up for shim in seen(kernel).shims] == [False]


def drop_capabilities() -> None:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def write_protect_proc_sys() -> None:
    commands = ("mount --make-rprivate /", "mount --bind /proc/sys /proc/sys", "mount -o remount,ro,bind /proc/sys")
    private_mounts()
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True)


def in_a_child(prepare: Callable[[], None], kernel: Kernel, actions: Sequence[Action]) -> tuple[Failure, ...]:
    """After *prepare* look at the host and do *actions*, in a forked child, and return its failures."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            prepare()
            kernel.observe(Host())
            os.write(writer, pickle.dumps(kernel.apply(actions)))
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as told:  # noqa: PTH123 - a descriptor
        failures: tuple[Failure, ...] = pickle.loads(told.read())  # noqa: S301 - of our own child
    os.waitpid(child, 0)
    return failures


def test_a_shim_that_goes_while_it_is_set_is_left_to_the_next_look(kernel: Kernel) -> None:
    make(kernel, SHIM)
    kernel.observe(Host())
    ip("link", "delete", "mv-lan")
    do(kernel, Change(SHIM, replace(SHIM, mode=Mode.PRIVATE, up=False)))
