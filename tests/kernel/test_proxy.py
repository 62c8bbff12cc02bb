"""Containers reach the host at its own IPv6 address over the shim, and the LAN is told one MAC for it."""

import errno
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from macvland.action import Add, Change, Delete
from macvland.condition.kernel import TOO_MANY, UNGUARDED
from macvland.kernel import Kernel, codec, events, proxy
from macvland.kernel.channel import Refusal
from macvland.kernel.refusal import explain
from macvland.model import Host, Proxy
from tests.conditions import outcomes
from tests.kernel.lan6 import DEVICE6, HOST6, OWN6, WEB6, WEB_MAC, Lan, lan6
from tests.kernel.samples import SHIM, do, make, seen
from tests.kernel.test_watch import notices, unsettled
from tests.lab import CommandError, run, wait_until
from tests.lab.netns import inside, ip, ip_json
from tests.lab.wire import Wire, listening

ANSWERING = replace(SHIM, proxy_ndp=True)
PROXY = Proxy(shim="mv-lan", address=ip_address(HOST6), macs=frozenset({WEB_MAC, "02:42:c0:a8:01:34"}))
SETTINGS = Path("/proc/sys/net/ipv6/conf")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with lan6(dad=False) as lan:
        lan.settle()
        yield lan


@contextmanager
def on_the_wire(lan: Lan) -> Iterator[Wire]:
    """Give all that passes the far end of the host's cable."""
    with listening(Path(f"/proc/self/fd/{lan.device}"), "eth0-lan") as packets:
        yield Wire(packets)


def mac(link: str) -> str:
    found: str = ip_json("link", "show", "dev", link)[0]["address"]
    return found


def ping(namespace: int, address: str) -> None:
    """Let a neighbour that knows nobody ask for *address*, and be answered by it."""
    with inside(namespace):
        run("ip", "-6", "neigh", "flush", "all")
        run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", address)


# On a LAN


def test_a_container_reaches_the_host_at_its_own_address(lan: Lan) -> None:
    ping(lan.web, HOST6)
    with inside(lan.web):
        (neighbour,) = ip_json("-6", "neigh", "show", HOST6)
    assert neighbour["lladdr"] == mac("mv-lan")


def test_the_lan_is_told_one_mac_for_each_address(lan: Lan) -> None:
    with on_the_wire(lan) as wire:
        for address in (HOST6, OWN6, DEVICE6):
            ping(lan.web, address)
        for _ in range(3):
            for address in (HOST6, OWN6, WEB6):
                ping(lan.device, address)
        run("ping", "-n", "-c", "1", WEB6)
        run("ping", "-n", "-c", "1", DEVICE6)
        told = wire.claims6()
    assert {address: told[address] for address in (HOST6, OWN6, WEB6)} == {
        HOST6: {mac("eth0")},
        OWN6: {mac("mv-lan")},
        WEB6: {WEB_MAC},
    }


def test_the_capture_sees_the_second_mac_that_an_open_proxy_tells(lan: Lan) -> None:
    """Without this, a capture that sees nothing would pass the test above."""
    with on_the_wire(lan) as wire:
        run("tc", "qdisc", "delete", "dev", "mv-lan", "clsact")
        assert {it.macs for it in seen(lan.kernel).proxies} == {None}
        ping(lan.device, HOST6)
        assert wire.claims6()[HOST6] == {mac("eth0"), mac("mv-lan")}


def test_a_container_that_is_not_ours_is_not_answered(lan: Lan) -> None:
    with inside(lan.web):
        ip("link", "set", "web0", "address", "02:42:c0:a8:01:99")
    with pytest.raises(CommandError):
        ping(lan.web, HOST6)


def test_a_container_that_probes_what_it_knows_is_answered_as_well(lan: Lan) -> None:
    """Its kernel does so again and again, by unicast, and from its link-local address."""
    ping(lan.web, HOST6)
    shim = mac("mv-lan")
    with inside(lan.web):
        ip("neigh", "change", HOST6, "dev", "web0", "lladdr", shim, "nud", "probe")
        wait_until(lambda: ip_json("-6", "neigh", "show", HOST6)[0]["state"] == ["REACHABLE"])


def test_a_shim_that_answers_for_the_host_forwards_nothing(lan: Lan) -> None:
    """For that the whole host would have to: forwarding of one link lets the kernel answer, and no more."""
    with inside(lan.web):
        ip("route", "add", "2001:db8:99::/64", "via", OWN6)
    with on_the_wire(lan) as wire:
        with inside(lan.web), pytest.raises(CommandError):
            run("ping", "-n", "-c", "1", "-W", "0.3", "2001:db8:99::1")
        ping(lan.web, DEVICE6)  # whatever came before it has passed as well
        assert wire.claims6().keys().isdisjoint({"2001:db8:99::1"})
        assert SETTINGS.joinpath("all/forwarding").read_text(encoding="ascii") == "0\n"
    with inside(lan.device):
        assert ip_json("-6", "neigh", "show", "2001:db8:99::1") == []


# One by one


def test_what_is_added_is_seen_and_what_is_deleted_gone(kernel: Kernel) -> None:
    other = replace(PROXY, address=ip_address("fd00::60"), macs=frozenset({WEB_MAC}))
    make(kernel, ANSWERING, PROXY, other)
    assert seen(kernel) == Host(shims=frozenset({ANSWERING}), proxies=frozenset({PROXY, other}))
    do(kernel, Delete(PROXY))
    assert seen(kernel).proxies == {other}
    do(kernel, Delete(PROXY), Delete(other))
    assert seen(kernel) == Host(shims=frozenset({ANSWERING}))
    assert ip_json("neigh", "show", "proxy") == []


def test_those_for_whom_it_answers_are_exchanged_in_place(kernel: Kernel) -> None:
    make(kernel, ANSWERING, PROXY)
    for macs in ({WEB_MAC}, {WEB_MAC, "02:42:c0:a8:01:35"}, {"02:42:c0:a8:01:36"}):
        do(kernel, Add(replace(PROXY, macs=frozenset(macs))))
        assert seen(kernel).proxies == {replace(PROXY, macs=frozenset(macs))}


def test_many_containers_may_ask(kernel: Kernel) -> None:
    many = frozenset(f"02:42:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(800))
    make(kernel, ANSWERING, replace(PROXY, macs=many))
    assert seen(kernel).proxies == {replace(PROXY, macs=many)}


def test_where_the_kernel_takes_no_classifier_nobody_is_answered(kernel: Kernel) -> None:
    make(kernel, ANSWERING)
    more_than_a_program_holds = frozenset(f"02:42:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(900))
    (failure,) = kernel.apply([Add(replace(PROXY, macs=more_than_a_program_holds))])
    assert failure.action == Add(replace(PROXY, macs=more_than_a_program_holds))
    assert (failure.reason, failure.passing) == (str(TOO_MANY(count=900)), False)
    assert seen(kernel).proxies == frozenset()


def test_a_kernel_without_classifiers_is_told_with_its_cure() -> None:
    failure = explain(Add(PROXY), Refusal(errno.ENOENT, "TC classifier not found"), ())
    assert outcomes(failure) == ((Add(PROXY), str(UNGUARDED()), False),)


@pytest.mark.parametrize("before", ["0", "1"])
def test_a_shim_that_answers_no_longer_forwards_as_a_new_one_would(kernel: Kernel, before: str) -> None:
    SETTINGS.joinpath("default/forwarding").write_text(before, encoding="ascii")
    make(kernel, ANSWERING)
    assert seen(kernel).shims == {ANSWERING}
    assert SETTINGS.joinpath("mv-lan/forwarding").read_text(encoding="ascii") == "1\n"
    do(kernel, Change(SHIM, ANSWERING))
    assert seen(kernel).shims == {SHIM}
    assert SETTINGS.joinpath("mv-lan/forwarding").read_text(encoding="ascii") == f"{before}\n"


@pytest.mark.parametrize("setting", ["forwarding", "proxy_ndp"])
def test_settings_that_others_change_are_put_right(kernel: Kernel, setting: str) -> None:
    make(kernel, ANSWERING)
    SETTINGS.joinpath("mv-lan", setting).write_text("0", encoding="ascii")
    assert seen(kernel).shims == {SHIM}
    do(kernel, Change(ANSWERING, SHIM))
    assert seen(kernel).shims == {ANSWERING}


OPENED = {
    "deleted": "tc filter delete dev mv-lan ingress",
    "another": "tc filter replace dev mv-lan ingress pref 77 protocol ipv6 handle {} bpf bytecode '1,6 0 0 0' da",
    "with its queue deleted": "tc qdisc delete dev mv-lan clsact",
}


@pytest.mark.parametrize("command", OPENED.values(), ids=OPENED)
def test_a_classifier_that_others_take_away_is_seen_and_put_back(lan: Lan, command: str) -> None:
    there = lan.settle()
    run(*shlex.split(command.format(hex(proxy.handle(ip_address(HOST6))))))
    assert {it.macs for it in seen(lan.kernel).proxies} == {None}
    assert lan.settle() == there


@pytest.mark.parametrize("command", OPENED.values(), ids=OPENED)
def test_a_classifier_that_others_take_away_wakes(lan: Lan, command: str) -> None:
    lan.settle()
    with events._listener() as listener:
        run(*shlex.split(command.format(hex(proxy.handle(ip_address(HOST6))))))
        assert {codec.RTM_NEWTFILTER, codec.RTM_DELTFILTER, codec.RTM_DELQDISC} & set(notices(listener))


@pytest.mark.usefixtures("kernel")
def test_the_classifiers_of_other_links_wake_nobody() -> None:
    wait_until(lambda: not unsettled())
    with events._listener() as listener:
        for command in (
            "qdisc add dev eth0 clsact",
            "filter add dev eth0 ingress bpf bytecode '1,6 0 0 0' da",
            "filter delete dev eth0 ingress",
            "qdisc delete dev eth0 clsact",
        ):
            run("tc", *shlex.split(command))
        assert notices(listener) == []


def test_a_proxy_without_our_number_is_not_ours(kernel: Kernel) -> None:
    make(kernel, ANSWERING)
    ip("neigh", "add", "proxy", HOST6, "dev", "mv-lan")
    ip("neigh", "add", "proxy", HOST6, "dev", "eth0", "protocol", "77")
    assert seen(kernel).proxies == frozenset()


# Its program

MACS = some.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))


@given(some.ip_addresses(v=6), some.frozensets(MACS, max_size=20))
def test_a_program_tells_for_whom_it_is(address: IPv6Address, macs: frozenset[str]) -> None:
    it = Proxy(shim="mv-lan", address=address, macs=macs)
    _, classifier = proxy.guard(it, 7)
    assert proxy.heard(classifier.body, address) == macs
    other = IPv6Address(int(address) ^ 1)
    assert proxy.heard(classifier.body, other) is None


@given(some.binary(max_size=64).map(lambda code: code[: len(code) & ~7]))
def test_any_other_program_is_none_of_ours(code: bytes) -> None:
    options = codec.attribute(codec.TCA_BPF_OPS, code)
    classifier = codec.TCMSG.pack(0, 7, 1, 1, 1) + codec.attribute(codec.TCA_OPTIONS, options)
    assert proxy.heard(classifier, ip_address(HOST6)) is None
