"""From every sample host to every other on the real kernel: the plan ends up (), and what is foreign stays.

Docker is not under test here: it is a table in memory of networks and containers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_address
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Action, Add, Delete, Failure, Replace
from macvland.condition import State
from macvland.config import Config, Declaration, parse
from macvland.kernel import Kernel
from macvland.model import Attachment, Dad, Engine, Host, Network, Proof
from macvland.plan import plan
from macvland.reconcile import Pass, converge, look
from macvland.wanted import wanted
from tests.conditions import said
from tests.kernel.samples import ours
from tests.lab import wait_until
from tests.lab.netns import ip, ip_json, private_network

MACHINE_ID = "0123456789abcdef0123456789abcdef"
DOCKER = Engine(version="29.0.0", api=(1, 52))
LONG = "a-network-with-a-long-name"


@dataclass
class Table:
    """The engine: what was asked for is there, under an id of its own."""

    engine: Engine | None = DOCKER
    networks: dict[str, Network] = field(default_factory=dict)
    containers: tuple[Attachment, ...] = ()
    made: int = 0

    def observe(self, host: Host) -> Host:
        if self.engine is None:
            return replace(host, engine=None, absent=said("Docker is not running"))
        attachments = frozenset(
            replace(one, network_id=self.networks[one.network].id)
            for one in self.containers
            if one.network in self.networks
        )
        networks = frozenset(self.networks.values())
        proofs = frozenset(Proof(network=one.name, id=one.id) for one in networks)
        return replace(host, engine=self.engine, networks=networks, attachments=attachments, proofs=proofs)

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        for action in actions:
            match action:
                case Add(thing=Network() as network):
                    assert network.name not in self.networks
                    self.made += 1
                    self.networks[network.name] = replace(network, id=f"id{self.made}")
                case Delete(thing=Network() as network):
                    assert network.name not in {one.network for one in self.containers}, "it is in use"
                    assert self.networks.pop(network.name) == network
                case Replace(thing=network, seen=old):
                    assert self.networks[network.name] == old
                    self.made += 1
                    self.networks[network.name] = replace(network, id=f"id{self.made}")
                case _:
                    raise AssertionError(f"none of Docker's business: {action}")
        return ()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the files say, which containers run, and whether Docker does."""

    files: dict[str, str] = field(default_factory=dict)
    containers: tuple[Attachment, ...] = ()
    docker: bool = True


def dual_stack(shim: str = "", *, pools: tuple[str, ...] = ("fd00",), ipv4: bool = True) -> str:
    """Return a network with a subnet of IPv6 for each of *pools*, and a shim."""
    subnets = "".join(f'[[subnet]]\ncidr = "{pool}::/64"\ngateway = "{pool}::1"\n' for pool in pools)
    start = network(None) if ipv4 else '[network]\nparent = "eth0"\n'
    return f"{start}{subnets}[shim]\n{shim}"


def network(shim: str | None = "", *, parent: str = "eth0", lan: str = "192.168.1", extra: str = "") -> str:
    text = f'[network]\nparent = "{parent}"\n{extra}\n[[subnet]]\ncidr = "{lan}.0/24"\ngateway = "{lan}.1"\n'
    return text if shim is None else f"{text}[shim]\n{shim}"


def container(name: str, *addresses: str, on: str = "pub_net", start: int = 0) -> Attachment:
    """Return a running container; its MAC is another one at each *start*."""
    last = ip_address(addresses[0]).packed[-1]
    mac = f"02:42:00:00:{start:02x}:{last:02x}"
    at = frozenset(map(ip_address, addresses))
    return Attachment(network=on, network_id="", container=name, mac=mac, addresses=at)


OWN = 'address = "192.168.1.223"\n'
ONE, TWO = container("one", "192.168.1.51"), container("two", "192.168.1.52")
ON_ETH1 = container("three", "10.1.1.51", on="lab")
LAB = network(parent="eth1", lan="10.1.1")
BOTH = container("one", "192.168.1.51", "fd00::51"), container("two", "192.168.1.52", "fd00::52")

SAMPLES = {
    "nothing": Sample(),
    "borrowed": Sample(files={"pub_net": network()}, containers=(ONE, TWO)),
    "own address": Sample(files={"pub_net": network(OWN)}, containers=(ONE, TWO)),
    "a long broadcast queue": Sample(files={"pub_net": network("bcqueuelen = 5000")}, containers=(ONE,)),
    "restarted": Sample(
        files={"pub_net": network('address = "192.168.1.222"\n')},
        containers=(container("one", "192.168.1.51", start=1), container("two", "192.168.1.53", start=1)),
    ),
    "on another parent": Sample(files={"pub_net": network(parent="br0")}, containers=(ONE,)),
    "two parents": Sample(files={"pub_net": network(), "lab": LAB}, containers=(ONE, ON_ETH1)),
    "promiscuous": Sample(
        files={"lab": network(parent="eth1", lan="10.1.1", extra="promiscuous = true")}, containers=(ON_ETH1,)
    ),
    "vepa": Sample(files={"pub_net": network(None, extra='mode = "vepa"')}, containers=(TWO,)),
    "dual stack": Sample(files={"pub_net": dual_stack()}, containers=BOTH),
    "dual stack, own addresses": Sample(
        files={"pub_net": dual_stack('address = ["192.168.1.223", "fd00::223"]\n')}, containers=BOTH[:1]
    ),
    "dual stack, without proxies": Sample(files={"pub_net": dual_stack("proxy_ndp = false\n")}, containers=BOTH),
    "IPv6 alone, two subnets": Sample(
        files={"pub_net": dual_stack('address = "fd00::222"\n', pools=("fd00", "fd01"), ipv4=False)},
        containers=(container("one", "fd00::51", start=1), container("two", "fd01::52")),
    ),
    "a long name": Sample(files={LONG: network(OWN)}, containers=(container("one", "192.168.1.51", on=LONG),)),
    "parent missing": Sample(files={"pub_net": network(parent="eth9"), "lab": LAB}, containers=(ON_ETH1,)),
    "without Docker": Sample(files={"pub_net": network(OWN), "lab": LAB}, docker=False),
}
# Of these, tests/vm goes through the pairs: not every kernel has 802.1Q.
TAGGED = {
    "VLAN": Sample(files={"pub_net": network(OWN, extra="vlan = 50")}, containers=(ONE, TWO)),
    "another VLAN": Sample(files={"pub_net": network(OWN, extra="vlan = 60")}, containers=(TWO,)),
    "two on a VLAN": Sample(
        files={"pub_net": network(OWN, extra="vlan = 50"), "lab": network("", lan="10.1.1", extra="vlan = 50")},
        containers=(ONE,),
    ),
    "VLAN of a bridge, promiscuous": Sample(
        files={"pub_net": network(OWN, parent="br0", extra="vlan = 50\npromiscuous = true")}, containers=(ONE,)
    ),
}
PARTIAL = {"parent missing", "without Docker"}  # what is not known stays as it was: the past shows
PAIRS = list(permutations(SAMPLES, 2))


@pytest.fixture
def host() -> Iterator[Host]:
    """A network namespace with three parents, of which one is a bridge, and strangers on them."""
    with private_network():
        furnish()
        before = strangers()
        yield Host()
        assert strangers() == before


def furnish() -> None:
    # Else an IPv6 address is asked for at the LAN for two seconds.
    Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0", encoding="ascii")
    commands = """
        link add eth0 type veth peer eth0-lan
        link add eth1 type veth peer eth1-lan
        link add br0 type bridge
        link set eth0-lan up
        link set eth1-lan up
        link set eth0 up
        link set eth1 up
        link set br0 up
        address add 192.168.1.50/24 dev eth0
        address add 10.1.1.50/24 dev eth1
        address add fd00::50/64 dev eth0 nodad
        address add 192.168.1.60/24 dev br0
        route add default via 192.168.1.1 dev eth0
        link add mv-stranger link eth0 address 02:00:00:00:00:05 type macvlan mode bridge
        link set mv-stranger alias macvland:stranger up
        address add 192.168.1.240/32 dev mv-stranger
        address add fd00::240/128 dev mv-stranger nodad
        route add fd00::241/128 dev mv-stranger proto 77
        route add fd00::99/128 dev eth0 proto 77
        neigh add fd00::241 lladdr 02:00:00:00:02:41 dev mv-stranger nud permanent protocol 77
        neigh add fd00::51 lladdr 02:00:00:00:00:51 dev eth0 nud permanent
        route add 192.168.1.241/32 dev mv-stranger proto 77
        route add 192.168.1.99/32 dev eth0 proto 77
        route add 203.0.113.0/24 via 192.168.1.1 dev eth0 proto static
        neigh add 192.168.1.241 lladdr 02:00:00:00:02:41 dev mv-stranger nud permanent protocol 77
        neigh add 192.168.1.51 lladdr 02:00:00:00:00:51 dev eth0 nud permanent
        rule add from 192.168.1.241 table 100
    """
    ip("-batch", "-", batch=commands)


def strangers() -> dict[str, Any]:
    """Return everything in the namespace that is not ours."""
    links = [link for link in ip_json("link") if link["group"] != "28022"]
    names = {link["ifname"] for link in links}
    kept = ("ifindex", "ifname", "link", "address", "mtu", "group", "master", "ifalias")
    return {
        "links": [{key: link[key] for key in kept if key in link} | {"up": "UP" in link["flags"]} for link in links],
        "addresses": [
            (link["ifname"], it["local"], it["prefixlen"])
            for link in ip_json("address", "show", "scope", "global")
            if link["ifname"] in names
            for it in link["addr_info"]
            if it
        ],
        "routes": [
            route
            for route in (*ip_json("-4", "route", "show", "table", "all"), *ip_json("-6", "route"))
            if route["dev"] in names and not route["dst"].startswith("fe80:")
        ],
        # Their order is that of a hash, whose secret changes when there are more of them.
        "neighbours": sorted(
            (one for one in ip_json("neigh", "show", "nud", "permanent") if one["dev"] in names),
            key=lambda one: (one["dev"], one["dst"]),
        ),
        "rules": ip_json("rule"),
    }


def config_of(sample: Sample) -> Config:
    return Config(
        declarations=tuple(declaration_of(name, text) for name, text in sorted(sample.files.items())),
        errors=(),
        frozen=frozenset(),
        directories=(),
        unreadable=False,
    )


def declaration_of(name: str, text: str) -> Declaration:
    declaration, errors = parse(text.encode(), Path(f"/etc/macvlan.d/{name}.toml"))
    assert declaration, errors
    return declaration


def reach(sample: Sample, kernel: Kernel, docker: Table) -> Pass:
    """Bring the host to *sample* as its administrator would; see after each step that nothing is left to do.

    First the files change while the old containers run, then those are exchanged, and what Docker cannot change in
    place is removed as macvland's words advise.
    """
    docker.engine = DOCKER if sample.docker else None
    ended = settle(sample, kernel, docker)
    docker.containers = ()
    for obstacle in ended.goal.obstacles:
        if obstacle.state is State.CONFLICT:
            docker.networks.pop(obstacle.network)
    settle(sample, kernel, docker)
    docker.containers = sample.containers
    return settle(sample, kernel, docker)


def settle(sample: Sample, kernel: Kernel, docker: Table) -> Pass:
    config = config_of(sample)

    def want(seen: Host) -> Any:
        return wanted(config, seen, MACHINE_ID)

    def calm() -> Pass | None:
        ended = converge(want, kernel, docker, lambda *_: True)
        assert (ended.failures, ended.left) == ((), ())
        return ended if all(it.dad is Dad.DONE for it in ended.seen.addresses) else None

    ended = wait_until(calm)
    assert ended
    seen = look(kernel, docker)
    goal = want(seen)
    assert plan(goal.host, seen) == ()
    assert (ours(seen), seen.networks) == (ours(goal.host), goal.host.networks)
    return ended


@cache
def from_nothing(name: str) -> tuple[Host, frozenset[Network]]:
    """Return what is ours on a host that knows no other than the sample *name*."""
    with private_network():
        furnish()
        return result(reach((SAMPLES | TAGGED)[name], Kernel(), Table()))


def result(ended: Pass) -> tuple[Host, frozenset[Network]]:
    """Return what counts of a host: Docker's ids are chance, and what it spares is as it was at the creation."""
    networks = (replace(network, id="", spared=frozenset()) for network in ended.seen.networks)
    return ours(ended.seen), frozenset(networks)


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[" -> ".join(pair) for pair in PAIRS])
def test_from_one_host_to_another(first: str, second: str) -> None:
    go(first, second)


def go(first: str, second: str) -> None:
    samples, kernel, docker = SAMPLES | TAGGED, Kernel(), Table()
    reach(samples[first], kernel, docker)
    ended = reach(samples[second], kernel, docker)
    assert second in PARTIAL or result(ended) == from_nothing(second)
    assert settle(samples[second], kernel, docker).done == ()


def test_the_samples_exercise_every_part() -> None:
    """Pairs of hosts that have nothing would prove nothing."""
    everything = [from_nothing(name)[0] for name in SAMPLES]
    most = {
        part: max(len(getattr(one, part)) for one in everything)
        for part in ("shims", "addresses", "routes", "neighbours", "proxies", "promiscuous")
    }
    assert most == {"shims": 2, "addresses": 2, "routes": 4, "neighbours": 4, "proxies": 1, "promiscuous": 1}
