"""C53 to C55: netlink answers that are lost or cut, and the kernel's refusals, at the running daemon."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.daemon import Daemon, attach, changes, trace, with_code
from tests.faults.invariants import idle
from tests.faults.test_drift import ours
from tests.lab import Host, wait_until
from tests.scene import (
    BORROWED,
    Serving,
    declare,
    foreign,
    lines,
    tidy,
    wait_for_state,
    wait_for_ways,
)

WEB, HOST = "192.168.1.51", "192.168.1.50"


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with a network and a container on it."""
    it = shared_docker_host
    serving = Serving(it)
    daemon = serving()
    it.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, it, "pub_net", "ready")
    it.container("web", "pub_net", WEB)
    wait_for_ways(it, {WEB: HOST})
    serving.stop()
    yield it
    tidy(it)


@pytest.fixture
def serve(host: Host) -> Iterator[Serving]:
    serving = Serving(host)
    yield serving
    serving.stop()


def whole(host: Host, daemon: Daemon) -> int:
    """Wait until all is well and *daemon* idle; return how many files it has open."""
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: HOST})
    return idle(daemon)


# What is lost or cut


@contextmanager
def under_strace(host: Host, daemon: Daemon, *options: str) -> Iterator[None]:
    tracer = attach(host, daemon, *options)
    yield
    tracer.terminate()
    tracer.wait()


@pytest.mark.fault("C53")
@pytest.mark.parametrize("when", ["1", "2", "1..4"])
def test_an_answer_that_is_lost_is_asked_for_again_at_once(host: Host, serve: Serving, when: str) -> None:
    daemon = serve()
    whole(host, daemon)
    before, logged = ours(host), len(lines(daemon))
    with under_strace(host, daemon, "-e", "trace=recvmsg", "-e", f"inject=recvmsg:error=ENOBUFS:when={when}"):
        host.ip("link", "delete", "mv-pub_net")
        wait_until(lambda: ours(host) == before, 2)
        assert any("ENOBUFS" in line for line in trace(host))
    assert [line for line in lines(daemon, logged) if "which was gone" not in line] == []


CUT = (
    "from itertools import count",
    "from macvland.kernel import channel",
    "numbers, honest = count(1), channel.Channel._receive",
    "def cut(self):",
    "    channel.LARGEST = 512 if next(numbers) % 9 == 0 else 64 << 10",
    "    return honest(self)",
    "channel.Channel._receive = cut",
)


@pytest.mark.fault("C53")
def test_an_answer_that_is_cut_is_asked_for_again_at_once(host: Host) -> None:
    daemon = Daemon(host, program=with_code(*CUT))
    whole(host, daemon)
    before, logged = ours(host), len(lines(daemon))
    host.ip("link", "delete", "mv-pub_net")
    wait_until(lambda: ours(host) == before, 2)
    assert [line for line in lines(daemon, logged) if "which was gone" not in line] == []
    assert daemon.stop() == 0


# Somebody else makes a link once, between two datagrams of a look; that the kernel told of it is written down.
MEDDLE = (
    "import subprocess",
    "from pathlib import Path",
    "from macvland.error import InterruptedDumpError",
    "from macvland.kernel import channel",
    "receive, dump, asked = channel.Channel._receive, channel.Channel.dump, Path('/run/meddle')",
    "def meddle(self):",
    "    if asked.exists():",
    "        asked.unlink()",
    "        subprocess.run(('ip', 'link', 'add', 'meddled', 'type', 'bridge'), check=True)",
    "    return receive(self)",
    "def tell(self, message):",
    "    try:",
    "        return dump(self, message)",
    "    except InterruptedDumpError as error:",
    "        Path('/run/interrupted').write_text(str(error))",
    "        raise",
    "channel.Channel._receive, channel.Channel.dump = meddle, tell",
)


@pytest.mark.fault("C53")
def test_tables_that_change_while_they_are_read_are_read_again(host: Host) -> None:
    crowd = "".join(f"link add crowd{number} type bridge\n" for number in range(60))  # more than one datagram
    host.path("/run/crowd").write_text(crowd)
    host.ip("-batch", str(host.path("/run/crowd")))
    daemon = Daemon(host, program=with_code(*MEDDLE))
    whole(host, daemon)
    before, logged = ours(host), len(lines(daemon))
    host.path("/run/meddle").touch()
    host.ip("link", "delete", "mv-pub_net")
    wait_until(lambda: ours(host) == before, 2)
    assert host.path("/run/interrupted").read_text() == "the kernel's tables changed while they were read"
    assert [line for line in lines(daemon, logged) if "which was gone" not in line] == []
    assert daemon.stop() == 0
    host.path("/run/crowd").write_text(crowd.replace("add", "delete").replace(" type bridge", ""))
    host.ip("-batch", str(host.path("/run/crowd")))
    host.ip("link", "delete", "meddled")


@pytest.mark.fault("C53")
def test_notices_that_the_kernel_had_no_room_for_are_notices_as_well(host: Host) -> None:
    daemon = Daemon(host, program=with_code("from macvland.kernel import events", "events.RECEIVE_BUFFER = 1"))
    whole(host, daemon)
    before = ours(host)
    daemon.signal(signal.SIGSTOP)
    try:
        for number in range(40):
            host.ip("link", "add", f"flood{number}", "type", "bridge")
        host.ip("link", "delete", "mv-pub_net")
        assert drops(daemon) > 0
    finally:
        daemon.signal(signal.SIGCONT)
    wait_until(lambda: ours(host) == before, 2)
    for number in range(40):
        host.ip("link", "delete", f"flood{number}")
    assert daemon.stop() == 0


def drops(daemon: Daemon) -> int:
    """Return how many notices the kernel had no room for, of all netlink sockets in the namespace of *daemon*."""
    rows = [line.split() for line in Path(f"/proc/{daemon.pid}/net/netlink").read_text().splitlines()]
    return sum(int(row[rows[0].index("Drops")]) for row in rows[1:])


# What the kernel refuses


def change_of(host: Host, daemon: Daemon) -> int:
    """Return which send of the pass that puts a deleted shim back is the first to change something."""
    with under_strace(host, daemon, "-e", "trace=sendto"):
        host.ip("link", "delete", "mv-pub_net")
        wait_for_ways(host, {WEB: HOST})
    sends = [line for line in trace(host) if "sendto(" in line]
    return sends.index(changes(sends)[0]) + 1


REFUSALS = {
    "EBUSY": "parent 'eth0' carries another kind of link, in a container perhaps: ipvlan, MACsec",
    "EEXIST": "another link is called 'mv-pub_net'",
    "ENODEV": "parent 'eth0' does not exist",
    "ENOMEM": "Cannot allocate memory",
    "EPERM": "the kernel does not permit it: macvland needs CAP_NET_ADMIN",
    "EOPNOTSUPP": "this kernel has no macvlan driver",
}
FOR_GOOD = ("EEXIST", "EPERM", "EOPNOTSUPP")  # until somebody changes something and says so


@pytest.mark.fault("C54")
@pytest.mark.fault("C55")
@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_has_its_words_and_is_tried_again_where_that_can_help(host: Host, serve: Serving, code: str) -> None:
    daemon = serve()
    descriptors = whole(host, daemon)
    before, others = ours(host), foreign(host)
    when = change_of(host, daemon)
    whole(host, daemon)
    logged = len(lines(daemon))
    with under_strace(host, daemon, "-e", "trace=sendto", "-e", f"inject=sendto:error={code}:when={when}"):
        host.ip("link", "delete", "mv-pub_net")
        failed = wait_for_state(daemon, host, "pub_net", "failed")
        assert failed.reasons == (f"add shim 'mv-pub_net' on 'eth0': {REFUSALS[code]}",)
        assert bool(failed.retry) == (code not in FOR_GOOD)
        if code in FOR_GOOD:
            idle(daemon)
            host.run("kill", "-HUP", str(daemon.pid))
        wait_for_state(daemon, host, "pub_net", "ready")
    wait_until(lambda: ours(host) == before)
    assert lines(daemon, logged)[0] == f"macvland: error: pub_net: failed: {failed.reasons[0]}"
    assert [line for line in lines(daemon, logged)[1:] if "error" in line or "warning" in line] == []
    assert foreign(host) == others
    assert idle(daemon) == descriptors


@pytest.mark.fault("C54")
def test_a_route_of_others_in_the_place_of_ours_is_told_left_alone_and_outlived(host: Host, serve: Serving) -> None:
    daemon = serve()
    whole(host, daemon)
    before = ours(host)
    host.ip("route", "replace", WEB, "dev", "eth0")
    failed = wait_for_state(daemon, host, "pub_net", "failed")
    route = f"route to {WEB} over shim 'mv-pub_net' from {HOST}"
    assert failed.reasons == (f"add {route}: another program's route to {WEB} is in the way",)
    idle(daemon)
    assert f"{WEB} dev eth0" in host.ip("route")
    host.ip("route", "delete", WEB, "dev", "eth0")
    wait_for_state(daemon, host, "pub_net", "ready")
    assert ours(host) == before
