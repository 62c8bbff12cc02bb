"""F81 to F83: a disk that is full, read-only or broken, state files that make no sense, and /run wiped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Start
from tests.faults.daemon import attach, strace, trace
from tests.faults.declaration import file
from tests.faults.invariants import Ctl, World, idle, indexes, our_links, require, seen, shim, status, told
from tests.lab import Host, wait_until

STATUS = Path("/run/macvland/status.json")


def fill(host: Host) -> None:
    """Put a file system without room over /run/macvland."""
    host.run("mount", "-t", "tmpfs", "-o", "size=16k", "full", "/run/macvland")
    host.run("sh", "-c", "head -c 100k /dev/zero >/run/macvland/filling 2>/dev/null || true")


def write_protect(host: Host) -> None:
    """Make /run/macvland read-only under the daemon's feet."""
    host.run("mount", "--bind", "/run/macvland", "/run/macvland")
    host.run("mount", "-o", "remount,bind,ro", "/run/macvland")


def make_room(host: Host) -> None:
    """Have /run/macvland as it was."""
    host.run("umount", "--lazy", "/run/macvland")


@pytest.mark.fault("F81")
@pytest.mark.parametrize(
    ("harm", "why"),
    [(fill, "No space left on device"), (write_protect, "Read-only file system")],
    ids=["full", "read-only"],
)
def test_a_status_that_cannot_be_written_is_one_warning_and_stops_nothing(
    shared_docker_host: Host, start: Start, ctl: Ctl, harm: Callable[[Host], None], why: str
) -> None:
    host = shared_docker_host
    daemon = start()
    told(host, daemon)
    idle(daemon)  # else it writes while the directory becomes another one
    harm(host)
    host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: seen(host).networks)
    assert seen(host).shims == {shim(host, "lan", "eth0")}
    host.ip("link", "delete", "mv-lan")
    wait_until(lambda: our_links(host))
    idle(daemon)
    assert daemon.warnings() == [f"macvland: warning: cannot write {STATUS}: {why}; the status there is old, ignoring"]
    make_room(host)
    host.remove("lan.toml")
    require(host, ctl, World())
    told(host, daemon)
    assert len(daemon.warnings()) == 1


@pytest.mark.fault("F81")
def test_a_start_on_a_full_disk_serves(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    host.run("mkdir", "-p", "/run/macvland")
    fill(host)
    host.drop("lan.toml", file("eth0", 1))
    daemon = start()
    wait_until(lambda: seen(host).networks)
    assert seen(host).shims == {shim(host, "lan", "eth0")}
    assert daemon.running
    make_room(host)


@pytest.mark.fault("F81")
def test_a_disk_that_fails_in_writing_is_survived(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    daemon = start()
    told(host, daemon)
    idle(daemon)
    tracer = attach(host, daemon, "-P", "/run/macvland/.status.json.new", "-e", "inject=write:error=EIO")
    host.drop("lan.toml", file("eth0", 1))
    daemon.wait_for("Input/output error")
    wait_until(lambda: seen(host).networks)
    tracer.terminate()
    tracer.wait()
    host.drop("other.toml", "")
    wait_until(lambda: status(host).get("errors"))
    assert daemon.running


TORN = json.dumps({"version": 1, "time": "2026-01-01T00:00:00Z", "pid": 1})[:40]
NEWER = json.dumps({"version": 99, "networks": {"lan": "splendid"}})
OLDER = json.dumps({"version": 0})
WRONG = json.dumps({"version": 1, "networks": [7], "errors": None})


@pytest.mark.fault("F82")
@pytest.mark.parametrize(
    "text",
    [b"", TORN.encode(), OLDER.encode(), NEWER.encode(), WRONG.encode(), b"\xff\xfe\0", b"[" * 100_000, b"null"],
    ids=["empty", "torn", "older", "newer", "wrong", "no text", "deep", "null"],
)
def test_a_state_file_that_makes_no_sense_is_replaced(shared_docker_host: Host, start: Start, text: bytes) -> None:
    host = shared_docker_host
    host.run("mkdir", "-p", "/run/macvland")
    host.path(str(STATUS)).write_bytes(text)
    daemon = start()
    told(host, daemon)
    assert daemon.warnings() == []


@pytest.mark.fault("F83")
def test_a_wiped_run_directory_is_made_again_and_a_second_daemon_still_refused(
    shared_docker_host: Host, start: Start
) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1, None))
    daemon = start()
    told(host, daemon)
    before = idle(daemon)
    host.run("rm", "-rf", "/run/macvland")
    wait_until(lambda: host.path("/run/macvland/lock").exists())
    told(host, daemon)
    second = start()
    assert second.process.wait(20) == 1
    assert "another macvland holds /run/macvland/lock" in second.read_log()
    host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: "mv-lan" in indexes(host))
    assert told(host, daemon)["pid"] == daemon.pid
    assert idle(daemon) == before


@pytest.mark.fault("A9")
def test_a_second_daemon_leaves_before_it_writes_anything(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1, None))
    first = start()
    told(host, first)
    idle(first)
    before = status(host)
    second = start(*strace("-e", "trace=sendto,/^rename,/^unlink,/^mkdir"))
    assert second.process.wait(20) == 1
    assert second.read_log() == "macvland: error: another macvland holds /run/macvland/lock\n"
    wait_until(lambda: any("exited with 1" in line for line in trace(host)))
    assert [line for line in trace(host) if "+++" not in line and "EEXIST" not in line] == []
    assert {**status(host), "time": ""} == {**before, "time": ""}
    assert first.running


@pytest.mark.fault("A10")
def test_a_stale_lock_and_temporary_file_are_taken_over(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    run = host.path("/run/macvland")
    run.mkdir()
    (run / "lock").write_text("4711\n")
    (run / "lock").chmod(0o000)
    (run / ".status.json.new").write_text('{"half": ')
    daemon = start()
    told(host, daemon)
    # Docker's history is written after the status.
    wait_until(lambda: sorted(path.name for path in run.iterdir()) == ["docker.json", "lock", "status.json"])
    assert daemon.warnings() == []
