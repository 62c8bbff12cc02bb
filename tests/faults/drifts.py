"""What others do to a host, and what macvland says when it has put it right: for the tests and for docs/drift.md alike.

`python -m tests.faults.drifts` writes the table of docs/drift.md anew.
"""

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/drift.md"
HEAD = "| row | what somebody does | for example | what the journal says |\n|---|---|---|---|\n"

# One network borrows its parent's address, the shim of the other has its own; each has a container.
WEB, HOST = "192.168.1.51", "192.168.1.50"
BOTH, BOTH6, OWN, OWN6 = "10.6.6.51", "fd00:6::51", "10.6.6.223", "fd00:6::223"
LENDER6 = "fd00:6::50"
# What stands in the commands and in the lines for what differs from host to host.
WORDS = {
    "web": "02:42:c0:a8:01:33",
    "both": "02:42:0a:06:06:33",
    "quiet": "02:42:0a:09:09:33",
    "shim": "36:b5:a4:7d:e8:27",
    "pid": "4711",  # of a process in the other namespace
}


@dataclass(frozen=True)
class Drift:
    """One thing that somebody does, by a command of the shell, and what macvland tells of it, in this order."""

    row: str  # of docs/faults.md
    what: str
    command: str
    told: tuple[str, ...]
    everywhere: bool = False  # whether no network is spared


def pub(*actions: str) -> tuple[str, ...]:
    """Return how *actions* on the network that borrows its address are told."""
    return tuple(f"pub_net: {action}" for action in actions)


def own(*actions: str) -> tuple[str, ...]:
    """Return how *actions* on the network with addresses of its own are told."""
    return tuple(f"own: {action}" for action in actions)


def change(what: str) -> tuple[str, ...]:
    """Return how a change of the shim is told."""
    return pub(f"change {SHIM}: {what}")


GONE = ", which was gone"
SHIM = "shim 'mv-pub_net' on 'eth0'"
MADE = pub(f"add {SHIM}{GONE}")
NEIGHBOUR = pub(f"add neighbour {WEB} at {{web}} on shim 'mv-pub_net'{GONE}")
ROUTE = pub(f"add route to {WEB} over shim 'mv-pub_net' from {HOST}{GONE}")
NEIGHBOUR4 = own(f"add neighbour {BOTH} at {{both}} on shim 'mv-own'{GONE}")
NEIGHBOUR6 = own(f"add neighbour {BOTH6} at {{both}} on shim 'mv-own'{GONE}")
ROUTE4 = own(f"add route to {BOTH} over shim 'mv-own' from {OWN}{GONE}")
ROUTE6 = own(f"add route to {BOTH6} over shim 'mv-own' from {OWN6}{GONE}")
ADDRESS4 = own(f"add address {OWN} on shim 'mv-own'{GONE}")
ADDRESS6 = own(f"add address {OWN6} on shim 'mv-own'{GONE}")
ASKED = own(f"checking: asks the LAN whether {OWN6}, its shim's address, is free")
# Until the LAN has not objected to its own address, the host speaks from that of its parent.
LENT = own(f"add route to {BOTH6} over shim 'mv-own' from {LENDER6}")
FREE = own(f"change route to {BOTH6} over shim 'mv-own' from {OWN6}: source {LENDER6} -> {OWN6}", "ready")
PROXY = own(f"add proxy for {LENDER6} on shim 'mv-own', for 1 container")
CALM = (
    f"calm: add neighbour 10.9.9.51 at {{quiet}} on shim 'mv-calm'{GONE}",
    f"calm: add route to 10.9.9.51 over shim 'mv-calm' from 10.9.9.50{GONE}",
)

DRIFTS = (
    Drift("C43", "deletes the shim", "ip link delete mv-pub_net", (*MADE, *NEIGHBOUR, *ROUTE)),
    Drift(
        "C43",
        "deletes one with addresses of its own",
        "ip link delete mv-own",
        (
            *own(f"add shim 'mv-own' on 'eth2'{GONE}"),
            *(*ADDRESS4, *ADDRESS6, *NEIGHBOUR4, *NEIGHBOUR6, *ROUTE4, *LENT, *PROXY, *ASKED, *FREE),
        ),
    ),
    Drift(
        "C44",
        "sets the shim down",
        "ip link set mv-pub_net down",
        (*change("up False -> True"), *NEIGHBOUR, *ROUTE),
    ),
    Drift(
        "C44",
        "sets one with an IPv6 address down",
        "ip link set mv-own down",
        (
            *own("change shim 'mv-own' on 'eth2': up False -> True"),
            *(*ADDRESS6, *NEIGHBOUR4, *NEIGHBOUR6, *ROUTE4, *LENT, *PROXY, *ASKED, *FREE),
        ),
    ),
    Drift("C45", "deletes an address", f"ip address delete {OWN}/32 dev mv-own", (*ADDRESS4, *NEIGHBOUR4, *ROUTE4)),
    Drift(
        "C45",
        "deletes an IPv6 address",
        f"ip address delete {OWN6}/128 dev mv-own",
        (
            *ADDRESS6,
            *own(f"change route to {BOTH6} over shim 'mv-own' from {LENDER6}: source None -> {LENDER6}"),
            *(*ASKED, *FREE),
        ),
    ),
    Drift(
        "C45",
        "adds the address with its subnet",
        f"ip address add {OWN}/24 dev mv-own",
        own(f"delete address {OWN}/24 on shim 'mv-own'"),
    ),
    Drift(
        "C45",
        "adds an address",
        "ip address add 192.168.1.224/24 dev mv-pub_net",
        (*pub("delete address 192.168.1.224/24 on shim 'mv-pub_net'"), *NEIGHBOUR, *ROUTE),
    ),
    Drift(
        "C45",
        "adds an IPv6 address",
        "ip address add fd00:6::224/64 dev mv-own nodad",
        own("delete address fd00:6::224/64 on shim 'mv-own'"),
    ),
    Drift("C46", "deletes a route", f"ip route delete {WEB} dev mv-pub_net", ROUTE),
    Drift("C46", "deletes an IPv6 route", f"ip route delete {BOTH6} dev mv-own", ROUTE6),
    Drift(
        "C46",
        "replaces a route",
        f"ip route replace {WEB} dev mv-pub_net protocol 77 scope link",
        pub(f"change route to {WEB} over shim 'mv-pub_net' from {HOST}: source None -> {HOST}"),
    ),
    Drift(
        "C46",
        "adds one like ours",
        "ip route add 192.168.1.99 dev mv-pub_net protocol 77 scope link",
        pub("delete route to 192.168.1.99 over shim 'mv-pub_net'"),
    ),
    Drift("C46", "flushes the shim's routes", "ip route flush dev mv-pub_net", ROUTE),
    Drift("C46", "flushes all that are ours", "ip route flush proto 77", (*ROUTE4, CALM[1], *ROUTE), everywhere=True),
    Drift("C46", "deletes a neighbour", f"ip neigh delete {WEB} dev mv-pub_net", NEIGHBOUR),
    Drift("C46", "deletes an IPv6 neighbour", f"ip neigh delete {BOTH6} dev mv-own", NEIGHBOUR6),
    Drift(
        "C46",
        "changes a neighbour",
        f"ip neigh replace {WEB} lladdr 02:00:00:00:00:88 dev mv-pub_net protocol 77",
        NEIGHBOUR,
    ),
    Drift(
        "C46",
        "makes one forgettable",
        f"ip neigh replace {WEB} lladdr {{web}} dev mv-pub_net nud stale",
        NEIGHBOUR,
    ),
    Drift("C46", "flushes the shim's neighbours", "ip neigh flush dev mv-pub_net nud all", NEIGHBOUR),
    Drift(
        "C46",
        "flushes all of ours",
        "ip neigh flush all nud permanent protocol 77",
        (*NEIGHBOUR4, CALM[0], *NEIGHBOUR, *NEIGHBOUR6),
        everywhere=True,
    ),
    Drift(
        "C47", "changes the mode", "ip link set mv-pub_net type macvlan mode private", change("mode private -> bridge")
    ),
    Drift(
        "C47",
        "changes the queue of broadcasts",
        "ip link set mv-pub_net type macvlan bcqueuelen 5",
        change("bcqueuelen 5 -> 1000"),
    ),
    Drift("C47", "changes the MTU", "ip link set mv-pub_net mtu 1400", change("mtu 1400 -> 1500")),
    Drift(
        "C47",
        "changes the MAC",
        "ip link set mv-pub_net address 02:00:00:00:00:77",
        (*change("mac 02:00:00:00:00:77 -> {shim}"), *NEIGHBOUR),
    ),
    Drift("C47", "changes the alias", "ip link set mv-pub_net alias mine", change("network mine -> pub_net")),
    Drift("C47", "changes the group", "ip link set mv-pub_net group 5", change("marked False -> True")),
    Drift(
        "C47",
        "switches arp_filter off",
        "sysctl -w net.ipv4.conf.mv-pub_net.arp_filter=0",
        change("arp_filter False -> True"),
    ),
    Drift(
        "C47",
        "has it hear routers",
        "sysctl -w net.ipv6.conf.mv-pub_net.accept_ra=2",
        change("accept_ra True -> False"),
    ),
    Drift(
        "C47",
        "has it make up addresses",
        "sysctl -w net.ipv6.conf.mv-pub_net.autoconf=1",
        change("autoconf True -> False"),
    ),
    Drift(
        "C48",
        "renames the shim",
        "ip link set mv-pub_net name lan0",
        (*pub("delete shim 'lan0' on 'eth0'"), *MADE, *NEIGHBOUR, *ROUTE),
    ),
    Drift(
        "C49",
        "moves it to another namespace",
        "ip link set mv-pub_net netns {pid}",
        (*MADE, *NEIGHBOUR, *ROUTE),
    ),
)


def table() -> str:
    """Return the table of docs/drift.md."""
    return HEAD + "".join(_row(drift) for drift in DRIFTS)


def _row(drift: Drift) -> str:
    told = "<br>".join(line.format(**WORDS) for line in drift.told)
    return f"| {drift.row} | {drift.what} | `{drift.command.format(**WORDS)}` | {told} |\n"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(HEAD)
    PAGE.write_text(f"{before}{table()}\n{rest.partition(chr(10) * 2)[2]}", encoding="utf-8")
