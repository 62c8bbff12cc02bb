"""Rows C36 to C42: a parent that comes late, goes and comes back, is renamed, flaps, moves, becomes a port, shrinks.

One host serves all of them: the network 'lab', whose parent eth5 suffers, and 'calm', which is not concerned and loses
no packet meanwhile. All that is repaired here is repaired from the kernel's events: the next look that nobody asked
for is ten minutes away.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from docker.errors import NotFound

from tests.faults.daemon import Daemon, attach, changes, trace
from tests.faults.invariants import idle, indexes
from tests.lab import CommandError, Host, wait_until
from tests.scene import (
    BORROWED,
    Serving,
    add_nic,
    declare,
    inspect,
    namespace_of,
    network_status,
    networks,
    tidy,
    unbroken_ping,
    wait_for_state,
    wait_for_ways,
)

WEB, HOST = "10.5.5.51", "10.5.5.50"
MAC = "02:00:00:00:05:50"
CALM = "10.9.9.51"


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with a container on 'calm', and a daemon that knows it."""
    it = shared_docker_host
    add_nic(it, "eth6", "10.9.9.50/24")
    it.drop("calm.toml", declare(BORROWED, parent="eth6", lan="10.9.9"))
    serving = Serving(it)
    daemon = serving()
    wait_for_state(daemon, it, "calm", "ready")
    it.container("quiet", "calm", ip=CALM)
    serving.stop()
    yield it
    tidy(it)


@pytest.fixture
def daemon(host: Host) -> Iterator[Daemon]:
    """A daemon that serves 'calm', which loses no packet while the test lasts; afterwards there is nothing else."""
    serving = Serving(host)
    daemon = serving()
    wait_for_ways(host, {CALM: "10.9.9.50"}, shim="mv-calm")
    with unbroken_ping(host, CALM):
        yield daemon
        host.run("rm", "-f", "/etc/macvlan.d/lab.toml")
        with suppress(CommandError):  # not every test makes it
            host.docker("rm", "--force", "web")
        wait_for_state(daemon, host, "lab", "gone")
    serving.stop()
    for link in ("eth5", "br5", "other5"):
        host.run("sh", "-c", f"ip link delete {link} 2>&- || :")


def plug(host: Host, name: str = "eth5", address: str = f"{HOST}/24") -> None:
    """Plug the NIC in: with the same MAC and address, and another ifindex each time."""
    host.ip("link", "add", name, "address", MAC, "type", "veth", "peer", "lan5")
    host.ip("link", "set", "lan5", "up")
    host.ip("link", "set", name, "up")
    host.ip("address", "add", address, "dev", name)


def lab(parent: str = "eth5", shim: str = BORROWED, extra: str = "") -> str:
    """Return the file of the network that suffers."""
    return declare(shim, parent=parent, lan="10.5.5", extra=extra)


def waits(daemon: Daemon, host: Host, reason: str, state: str = "waiting") -> None:
    """Wait until *reason* is the only one why 'lab' is not as asked."""
    wait_for_state(daemon, host, "lab", state)
    wait_until(lambda: (it := network_status(host, "lab")) and it.reasons == (reason,), what=reason)


def reached(host: Host, shim: str = "mv-lab") -> None:
    """Wait until the container is reached over *shim*, and require that it is."""
    wait_for_ways(host, {WEB: HOST}, shim=shim)
    host.ping(WEB)


@pytest.fixture
def served(daemon: Daemon, host: Host) -> Daemon:
    """The daemon, with a container on 'lab'."""
    plug(host)
    host.drop("lab.toml", lab())
    wait_for_state(daemon, host, "lab", "ready")
    host.container("web", "lab", ip=WEB)
    reached(host)
    return daemon


def come_by_name(host: Host) -> None:
    plug(host)


def come_by_altname(host: Host) -> None:
    plug(host, "usb0")
    host.ip("link", "property", "add", "dev", "usb0", "altname", "eth5")


def come_and_get_its_name(host: Host) -> None:
    plug(host, "usb0")  # as udev does it
    host.ip("link", "set", "usb0", "name", "eth5")


@pytest.mark.fault("C36")
@pytest.mark.parametrize(
    ("parent", "come"),
    [("eth5", come_by_name), ("eth5", come_by_altname), ("eth5", come_and_get_its_name), (MAC, come_by_name)],
    ids=["by name", "by altname", "renamed as it comes", "by MAC"],
)
def test_a_parent_that_comes_late_is_waited_for_and_used(
    daemon: Daemon, host: Host, parent: str, come: Callable[[Host], None]
) -> None:
    host.drop("lab.toml", lab(parent))
    waits(daemon, host, f"waits for its parent '{parent}', which does not exist yet")
    idle(daemon)
    come(host)
    wait_for_state(daemon, host, "lab", "ready")
    host.container("web", "lab", ip=WEB)
    reached(host)


@pytest.mark.fault("C36")
def test_auto_follows_the_default_route_with_shim_network_and_container(
    daemon: Daemon, host: Host, default_route: str
) -> None:
    host.drop("lab.toml", lab("auto"))
    wait_until(lambda: carried_by(host) == ("eth0", "eth0"))
    plug(host)
    host.ip("route", "replace", "default", "via", "10.5.5.1", "dev", "eth5")
    wait_until(lambda: carried_by(host) == ("eth5", "eth5"))
    wait_for_state(daemon, host, "lab", "ready")
    host.container("web", "lab", ip=WEB)
    reached(host)
    host.ip("route", "replace", *default_route.split())
    wait_until(lambda: carried_by(host) == ("eth0", "eth0"))
    wait_until(lambda: (it := network_status(host, "lab")) and (it.parent, it.link) == ("auto", "eth0"))


@pytest.fixture
def default_route(host: Host) -> Iterator[str]:
    """The default route, which is that again afterwards."""
    before = host.ip("route", "show", "default").strip()
    yield before
    host.ip("route", "replace", *before.split())


def carried_by(host: Host) -> tuple[str, str]:
    """Return the links on which the shim is, and Docker's network; "" where there is none."""
    shim = links(host).get("mv-lab", {"link": ""})["link"]
    with suppress(NotFound):  # it is being replaced
        return shim, inspect(host, "lab")["Options"]["parent"]
    return shim, ""


@pytest.mark.fault("C37")
def test_a_parent_that_is_unplugged_and_replugged_carries_its_shim_again(served: Daemon, host: Host) -> None:
    host.ip("link", "delete", "eth5")
    waits(served, host, "waits for its parent 'eth5', which does not exist yet")
    plug(host)
    wait_until(lambda: "mv-lab" in indexes(host))
    wait_for_state(served, host, "lab", "ready")
    wait_until(lambda: answers(host, WEB), what="the container, which lost its link, to have one again")
    reached(host)


def answers(host: Host, address: str) -> bool:
    try:
        host.ping(address)
    except CommandError:
        return False
    return True


@pytest.mark.fault("C38")
def test_a_renamed_parent_keeps_everything_until_it_has_its_name_back(served: Daemon, host: Host) -> None:
    before = indexes(host)
    with unbroken_ping(host, WEB):
        host.ip("link", "set", "eth5", "name", "other5")
        waits(served, host, "waits for its parent 'eth5', which does not exist yet")
        idle(served)
        host.ip("link", "set", "other5", "name", "eth5")
        wait_for_state(served, host, "lab", "ready")
    assert indexes(host) == before


@pytest.mark.fault("C38")
def test_a_renamed_parent_that_has_its_old_name_as_an_altname_serves_on(served: Daemon, host: Host) -> None:
    before = indexes(host)
    with unbroken_ping(host, WEB):
        host.ip("link", "set", "eth5", "name", "other5")
        host.ip("link", "property", "add", "dev", "other5", "altname", "eth5")
        wait_for_state(served, host, "lab", "ready")
        idle(served)
    host.docker("restart", "web")  # Docker finds the link by that name as well
    reached(host)
    assert indexes(host) == before


@pytest.mark.fault("C38")
def test_docker_hears_the_new_name_of_a_parent_that_is_known_by_its_mac(served: Daemon, host: Host) -> None:
    host.drop("lab.toml", lab(MAC))
    before = indexes(host)
    host.ip("link", "set", "eth5", "name", "other5")
    served.wait_for("replace Docker network 'lab': parent eth5 -> other5")  # for a moment in between there is none
    assert inspect(host, "lab")["Options"]["parent"] == "other5"
    wait_for_state(served, host, "lab", "ready")
    reached(host)
    assert indexes(host) == before


@pytest.mark.fault("C38")
def test_when_two_links_swap_their_names_the_shim_goes_with_the_name(served: Daemon, host: Host) -> None:
    host.ip("link", "add", "other5", "type", "veth", "peer", "otherlan5")
    swap(host)
    wait_until(lambda: (it := links(host).get("mv-lab")) and it["link"] == "eth5")
    swap(host)
    wait_for_state(served, host, "lab", "ready")
    reached(host)


def swap(host: Host) -> None:
    for old, new in (("eth5", "spare5"), ("other5", "eth5"), ("spare5", "other5")):
        host.ip("link", "set", old, "name", new)


def links(host: Host) -> dict[str, dict[str, Any]]:
    return {link["ifname"]: link for link in host.ip_json("link")}


@pytest.mark.fault("C39")
def test_a_hundred_flaps_of_the_carrier_change_nothing(served: Daemon, host: Host) -> None:
    before = indexes(host)
    tracer = attach(host, served, "-e", "trace=sendto")
    for _ in range(100):
        for way in ("down", "up"):
            host.ip("link", "set", "lan5", way)
    host.ip("link", "set", "lan5", "down")
    waits(served, host, "its parent 'eth5' has no carrier")
    host.ip("link", "set", "lan5", "up")
    wait_for_state(served, host, "lab", "ready")
    tracer.terminate()
    tracer.wait()
    assert changes(trace(host)) == []
    assert indexes(host) == before
    reached(host)


@pytest.mark.fault("C39")
def test_a_parent_that_is_set_down_is_told_and_left_down(served: Daemon, host: Host) -> None:
    before = indexes(host)
    host.ip("link", "set", "eth5", "down")
    waits(served, host, "its parent 'eth5' is down")
    idle(served)
    host.ip("link", "set", "eth5", "up")
    wait_for_state(served, host, "lab", "ready")
    assert indexes(host) == before
    reached(host)


@pytest.mark.fault("C40")
def test_a_parent_in_another_namespace_is_waited_for_until_it_is_back(served: Daemon, host: Host) -> None:
    away = namespace_of(host, "quiet")
    host.ip("link", "set", "eth5", "netns", away.parts[2])
    waits(served, host, "waits for its parent 'eth5', which does not exist yet")
    idle(served)
    host.run("nsenter", f"--net={away}", "ip", "link", "set", "eth5", "netns", str(served.pid))
    host.ip("link", "set", "eth5", "up")
    host.ip("address", "add", f"{HOST}/24", "dev", "eth5")
    wait_for_state(served, host, "lab", "ready")
    reached(host)


@pytest.mark.fault("C41")
def test_a_parent_in_a_bridge_is_refused_and_used_as_soon_as_it_is_out(daemon: Daemon, host: Host) -> None:
    plug(host)
    host.ip("link", "add", "br5", "type", "bridge")
    host.ip("link", "set", "eth5", "master", "br5")
    host.drop("lab.toml", lab())
    waits(daemon, host, "its parent 'eth5' is a port of bridge 'br5'; use 'br5'", "conflict")
    assert "lab" not in networks(host)
    idle(daemon)
    host.ip("link", "set", "eth5", "nomaster")
    wait_for_state(daemon, host, "lab", "ready")
    host.container("web", "lab", ip=WEB)
    reached(host)


@pytest.mark.fault("C41")
def test_a_parent_that_goes_into_a_bridge_and_out_again(daemon: Daemon, host: Host) -> None:
    plug(host)
    host.ip("link", "add", "br5", "type", "bridge")
    host.drop("lab.toml", lab(shim=""))  # with a shim on it the kernel lets no bridge have it
    wait_for_state(daemon, host, "lab", "ready")
    before = networks(host)
    host.ip("link", "set", "eth5", "master", "br5")
    waits(daemon, host, "its parent 'eth5' is a port of bridge 'br5'; use 'br5'", "conflict")
    host.ip("link", "set", "eth5", "nomaster")
    wait_for_state(daemon, host, "lab", "ready")
    assert networks(host) == before


@pytest.mark.fault("C42")
@pytest.mark.usefixtures("served")
def test_the_shim_follows_the_mtu_of_its_parent_down_and_up(host: Host) -> None:
    before = indexes(host)
    for mtu in (1400, 1500, 1280, 1500):
        host.ip("link", "set", "eth5", "mtu", str(mtu))
        wait_until(lambda mtu=mtu: host.ip_json("link", "show", "mv-lab")[0]["mtu"] == mtu)  # type: ignore[misc]
    assert indexes(host) == before
    reached(host)


# Promiscuous mode


@pytest.fixture
def promiscuous(daemon: Daemon, host: Host) -> Daemon:
    """The daemon, which keeps eth5 promiscuous for 'lab', whose file knows it by its MAC."""
    plug(host)
    host.drop("lab.toml", lab(MAC, shim="", extra="promiscuous = true"))
    wait_for_state(daemon, host, "lab", "ready")
    assert is_promiscuous(host)
    return daemon


def is_promiscuous(host: Host, link: str = "eth5") -> bool:
    return "PROMISC" in links(host)[link]["flags"]


def bounce(host: Host) -> None:
    host.ip("link", "set", "eth5", "down")
    host.ip("link", "set", "eth5", "up")


def switch_off(host: Host) -> None:
    host.ip("link", "set", "eth5", "promisc", "off")


def replug(host: Host) -> None:
    host.ip("link", "delete", "eth5")
    plug(host)


def rename(host: Host) -> None:
    host.ip("link", "set", "eth5", "name", "other5")
    host.ip("link", "set", "other5", "promisc", "off")
    wait_until(lambda: is_promiscuous(host, "other5"))
    host.ip("link", "set", "other5", "name", "eth5")


@pytest.mark.parametrize("happen", [bounce, switch_off, replug, rename], ids=lambda it: it.__name__)
def test_a_parent_stays_promiscuous_and_is_so_no_more_when_no_file_asks(
    promiscuous: Daemon, host: Host, happen: Callable[[Host], None]
) -> None:
    happen(host)
    wait_until(lambda: is_promiscuous(host))
    wait_for_state(promiscuous, host, "lab", "ready")
    idle(promiscuous)
    host.drop("lab.toml", lab(MAC, shim=""))
    wait_until(lambda: not is_promiscuous(host) and "altnames" not in links(host)["eth5"])


def test_a_parent_stays_promiscuous_until_the_last_file_that_asked_is_gone(promiscuous: Daemon, host: Host) -> None:
    second = lab(shim="", extra='promiscuous = true\nmode = "private"').replace("10.5.5", "10.6.6")
    host.drop("second.toml", second)  # Docker up to 26 has one network for a parent; what it asks of it counts
    wait_until(lambda: network_status(host, "second"))
    host.remove("lab.toml")
    wait_for_state(promiscuous, host, "lab", "gone")
    assert is_promiscuous(host)
    host.remove("second.toml")
    wait_until(lambda: not is_promiscuous(host))
    wait_for_state(promiscuous, host, "second", "gone")


def test_promiscuous_mode_that_somebody_else_switched_on_stays(daemon: Daemon, host: Host) -> None:
    plug(host)
    host.ip("link", "set", "eth5", "promisc", "on")
    host.drop("lab.toml", lab(shim="", extra="promiscuous = true"))
    wait_for_state(daemon, host, "lab", "ready")
    host.remove("lab.toml")
    wait_for_state(daemon, host, "lab", "gone")
    assert is_promiscuous(host)
