"""A14, and what the journal holds: a real journald with fields, stopped, killed, started again, and blocked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from macvland import journal
from tests.faults.conftest import Start
from tests.faults.daemon import Daemon
from tests.faults.declaration import file
from tests.faults.invariants import idle, indexes
from tests.faults.journald import Journald, stream_of
from tests.lab import Host, wait_until

pytestmark = pytest.mark.libraries

NOISE = "".join(f"key{number} = 1\n" for number in range(1500))  # each is a problem, and a record


@pytest.fixture
def journald(shared_host: Host) -> Iterator[Journald]:
    running = Journald(shared_host)
    yield running
    running.kill()
    shared_host.run("rm", "-rf", "/run/log", "/run/systemd")


def serve(start: Start, journald: Journald) -> Daemon:
    """Start a daemon whose stderr is the journal."""
    with journald.connect() as stderr:
        return start(stderr=stderr, environment=stream_of(stderr))


def test_a_change_is_a_record_with_its_fields(shared_host: Host, start: Start, journald: Journald) -> None:
    daemon = serve(start, journald)
    shared_host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: journald.records("MACVLAND_NETWORK=lan", f"MESSAGE_ID={journal.STATE}"))
    (change,) = journald.records("MACVLAND_NETWORK=lan", f"MESSAGE_ID={journal.CHANGED}")
    fields = ("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "MACVLAND_PARENT", "MACVLAND_ACTION", "_PID")
    assert {name: change[name] for name in fields} == {
        "MESSAGE": "lan: add shim 'mv-lan' on 'eth0'",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "macvland",
        "MACVLAND_PARENT": "eth0",
        "MACVLAND_ACTION": "add",
        "_PID": str(daemon.pid),
    }
    assert Path(change["CODE_FILE"]).name == "record.py"
    assert change["CODE_FUNC"] == "record"
    (state,) = journald.records("MACVLAND_NETWORK=lan", f"MESSAGE_ID={journal.STATE}")
    assert (state["MACVLAND_STATE"], state["MACVLAND_CODE"], state["PRIORITY"]) == (
        "waiting",
        "MV201",
        "4",
    )  # no Docker
    assert [one["MESSAGE"] for one in journald.records("MACVLAND_CODE=MV201", "MACVLAND_NETWORK=lan")] == [
        "lan: waiting: Docker's socket /run/docker.sock does not exist"
    ]
    assert daemon.read_log() == ""


def test_status_of_a_network_ends_with_the_tail_of_its_journal(
    shared_host: Host, start: Start, journald: Journald
) -> None:
    daemon = serve(start, journald)
    for number in range(12):  # each is a record, and so are the shim and the network's state
        shared_host.drop(
            "lan.toml", file("eth0", 1).replace("[network]", "[network]\n" + "\n" * number + f"x{number} = 1")
        )
        wait_until(lambda: any(f"x{number}" in text for text in journald.messages()))  # noqa: B023 - waits at once
    shared_host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: journald.records("MACVLAND_NETWORK=lan", "MACVLAND_STATE=waiting"))  # no Docker here
    records = [record["MESSAGE"].removeprefix("lan: ") for record in journald.records("MACVLAND_NETWORK=lan")]
    shown = shared_host.ctl("status", "lan").stdout.splitlines()
    tail = shown[len(shown) - 1 - shown[::-1].index("") + 1 :]
    assert [line.partition(" ")[2] for line in tail] == records[-10:]
    assert any(line.startswith("  changed:  ") and line.endswith("add shim 'mv-lan' on 'eth0'") for line in shown)
    assert daemon.read_log() == ""


@pytest.mark.fault("A14")
def test_a_journald_that_hangs_holds_up_nothing(shared_host: Host, start: Start, journald: Journald) -> None:
    daemon = serve(start, journald)
    wait_until(journald.messages)
    before = idle(daemon)
    journald.stop()
    for number in range(3):
        shared_host.drop("noise.toml", f"{NOISE}\n# {number}\n")
        shared_host.drop("lan.toml", file("eth0", 1))
        wait_until(lambda: "mv-lan" in indexes(shared_host), what="a shim while journald hangs")
        shared_host.remove("noise.toml")
        shared_host.drop("lan.toml", file("eth0", 1, None))
        wait_until(lambda: "mv-lan" not in indexes(shared_host), what="its end while journald hangs")
    journald.resume()
    shared_host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: any("log records lost" in text for text in journald.messages()))
    wait_until(lambda: journald.messages()[-1].startswith("lan: add "), what="the latest change, after all")
    assert idle(daemon) == before


@pytest.mark.fault("A14")
def test_a_journald_that_hangs_does_not_hold_up_the_end(shared_host: Host, start: Start, journald: Journald) -> None:
    daemon = serve(start, journald)
    wait_until(journald.messages)
    journald.stop()
    shared_host.drop("noise.toml", NOISE)
    shared_host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: "mv-lan" in indexes(shared_host))
    assert daemon.stop(10) == 0
    journald.resume()


@pytest.mark.fault("A14")
def test_a_journald_that_is_killed_and_started_again_is_found_again(
    shared_host: Host, start: Start, journald: Journald
) -> None:
    daemon = serve(start, journald)
    wait_until(journald.messages)
    before = idle(daemon)
    journald.kill()
    shared_host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: "mv-lan" in indexes(shared_host))
    journald.start()
    shared_host.drop("lan.toml", file("eth0", 1, None))
    wait_until(lambda: "lan: delete shim 'mv-lan' on 'eth0'" in journald.messages())
    assert idle(daemon) == before
