"""macvlanctl adopt on a real host: what was made by hand gets its file, and nothing else happens."""

import pytest

from tests.lab import Host, wait_until
from tests.scene import (
    Serving,
    docker_options,
    foreign,
    inspect,
    namespace_of,
    shims,
    unbroken_ping,
    wait_for_state,
    wait_for_ways,
)

pytestmark = pytest.mark.engine

WEB = "192.168.1.195"
ETC = "/etc/macvlan.d"


RESERVED = ("--aux-address", "shim=192.168.1.223")


def by_hand(host: Host, *options: str) -> None:
    """Make a network, a container and a shim, as every guide to macvlan shows it."""
    host.docker("network", "create", *docker_options(), *options, "pub_net")
    host.container("web", "pub_net", ip=WEB)
    host.ip("link", "add", "shim0", "link", "eth0", "type", "macvlan", "mode", "bridge")
    host.ip("address", "add", "192.168.1.223/32", "dev", "shim0")
    host.ip("link", "set", "shim0", "up")
    host.ip("route", "add", "192.168.1.192/27", "dev", "shim0")


def test_adopted_files_change_nothing_and_break_no_ping(host: Host, serve: Serving) -> None:
    by_hand(host, *RESERVED)
    before = foreign(host)
    with unbroken_ping(host, WEB):
        adopted = host.ctl("adopt", "--output", ETC)
        assert (adopted.returncode, adopted.stdout) == (0, f"{ETC}/pub_net.toml\n"), adopted.stderr
        assert "its route to 192.168.1.192/27: macvland routes to each container apart" in adopted.stderr
        assert host.ctl("check").returncode == 0
        planned = host.ctl("plan")
        assert (planned.returncode, planned.stdout, planned.stderr) == (0, "nothing to do\n", "")
        wait_for_state(serve(), host, "pub_net", "foreign")
        assert host.ctl("plan").stdout == "nothing to do\n"
    assert foreign(host) == before
    assert shims(host) == []
    text = (host.path(ETC) / "pub_net.toml").read_text()
    assert 'reserved = ["192.168.1.223"]' in text


@pytest.mark.parametrize(
    "options",
    [
        ("--opt", "macvlan_mode=private", "--subnet", "10.3.0.0/24", "--gateway", "10.3.0.1"),
        ("--opt", "macvlan_mode=passthru", "--subnet", "10.3.0.0/24", "--gateway", "10.3.0.1", "--label", "a.b=c d"),
        ("--subnet", "10.3.0.0/24"),
        ("--internal", "--subnet", "10.3.0.0/24"),
        ("--ipv6", "--subnet", "10.3.0.0/24", "--gateway", "10.3.0.1", "--subnet", "2001:db8::/64"),
        ("--opt", "mtu=1400", "--subnet", "10.3.0.0/24", "--gateway", "10.3.0.1", "--ip-range", "10.3.0.128/25"),
    ],
    ids=["private", "passthru and labels", "no gateway", "internal", "IPv6", "an option that is ignored"],
)
def test_each_kind_of_network_is_foreign_with_its_file(host: Host, serve: Serving, options: tuple[str, ...]) -> None:
    host.docker("network", "create", "--driver", "macvlan", "--opt", "parent=eth0", *options, "made")
    before = inspect(host, "made")
    adopted = host.ctl("adopt", "made")
    assert adopted.returncode == 0, adopted.stderr
    host.drop("made.toml", adopted.stdout)
    planned = host.ctl("plan")
    assert (planned.returncode, planned.stdout, planned.stderr) == (0, "nothing to do\n", "")
    wait_for_state(serve(), host, "made", "foreign")
    assert inspect(host, "made") == before


@pytest.mark.parametrize(
    ("options", "meets"), [((), "192.168.1.223"), (RESERVED, "192.168.1.50")], ids=["own address", "borrowed address"]
)
def test_macvlands_shim_takes_over_from_a_hand_made_one_without_a_lost_packet(
    host: Host, serve: Serving, options: tuple[str, ...], meets: str
) -> None:
    by_hand(host, *options)
    adopted = host.ctl("adopt", "--shim", "--output", ETC)
    assert adopted.returncode == 0, adopted.stderr
    with unbroken_ping(host, WEB):
        wait_for_state(serve(), host, "pub_net", "foreign")
        wait_for_ways(host, {WEB: meets})
        host.ip("link", "set", "shim0", "arp", "off")
        # The minute in which the container finds out by itself.
        host.run("nsenter", f"--net={namespace_of(host, 'web')}", "ip", "neigh", "flush", "all")
        wait_until(lambda: meets in _known_to_web(host))
        host.ip("link", "delete", "shim0")
    assert shims(host) == ["mv-pub_net"]


def _known_to_web(host: Host) -> str:
    inside = ("nsenter", f"--net={namespace_of(host, 'web')}")
    return host.run(*inside, "ip", "neigh", "show", "nud", "reachable", "nud", "stale", "nud", "delay")


def test_a_network_of_another_driver_is_told_and_has_no_file(host: Host) -> None:
    told = host.ctl("adopt", "none")
    assert (told.returncode, told.stdout) == (2, "")
    assert "has a name that no file can have" in told.stderr


def test_a_name_that_docker_does_not_know_says_where_to_look(host: Host) -> None:
    told = host.ctl("adopt", "nope")
    assert (told.returncode, told.stderr) == (
        1,
        "macvlanctl: Docker has no network 'nope'; 'docker network ls' lists those it has\n",
    )


def test_without_docker_adopt_says_what_else_it_takes(host: Host) -> None:
    host.engine.stop()
    told = host.ctl("adopt")
    host.engine.start()
    assert told.returncode == 1
    assert "start it, or give what it said with --inspect FILE" in told.stderr
