"""A Docker that somebody has stopped, whose socket systemd still holds: macvland does not start it."""

import re
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from macvland.engine import Docker, activation, watch
from macvland.model import Host as Seen
from tests.docker.proxy import Proxy
from tests.lab import Host, wait_until
from tests.scene import Serving

INODE = re.compile(r"^inotify .*\bino:(\w+)", re.MULTILINE)  # that inotify watches

pytestmark = [pytest.mark.engine, pytest.mark.libraries]


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand where systemd says what is active: the lab's hosts have none of their own; tests/system has."""
    (tmp_path / "units").mkdir()
    (tmp_path / "slice/docker.socket").mkdir(parents=True)
    monkeypatch.setattr(activation, "INVOCATION", tmp_path / "units/invocation:docker.service")
    monkeypatch.setattr(activation, "SLICES", (tmp_path / "none", tmp_path / "slice"))
    return tmp_path


def start_service(systemd: Path) -> None:
    """Do what systemd does when docker.service becomes active."""
    (systemd / "units/invocation:docker.service").symlink_to("0123456789abcdef0123456789abcdef")


@pytest.mark.usefixtures("systemd")
def test_a_stopped_docker_behind_its_socket_is_absent_and_nothing_connects_to_it(proxy: Proxy) -> None:
    seen = Docker(str(proxy.path)).observe(Seen())
    assert (seen.engine, seen.absence.partition(";")[0], proxy.requests) == (None, "Docker is stopped", [])


def test_a_docker_that_runs_behind_its_socket_is_asked(proxy: Proxy, systemd: Path) -> None:
    start_service(systemd)
    assert Docker(str(proxy.path)).observe(Seen()).engine


def test_the_watcher_leaves_a_stopped_docker_alone_until_it_is_started(proxy: Proxy, systemd: Path) -> None:
    woken, stop, prod = Event(), Event(), Event()
    watcher = Thread(target=watch, args=(woken.set, stop, prod, str(proxy.path)), daemon=True)
    watcher.start()
    try:
        prod.set()
        wait_until(lambda: not prod.is_set(), what="the watcher looked again")
        assert proxy.requests == []
        start_service(systemd)
        prod.set()
        wait_until(woken.is_set, what="a wake-up by the Docker that was started")
    finally:
        stop.set()
        watcher.join(5)


def test_the_daemon_has_the_kernel_tell_of_a_start_of_docker_service(host: Host, serve: Serving) -> None:
    """Else it would look again after a pause, which grows to a minute."""
    units = host.path("/run/systemd/units")
    units.mkdir(parents=True)
    try:
        assert units.stat().st_ino in watched_inodes(serve().pid)
    finally:
        units.rmdir()
        units.parent.rmdir()


def watched_inodes(pid: int) -> set[int]:
    """Return of which directories the kernel tells a process (proc(5), fdinfo)."""
    inodes = set()
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # a socket that was closed meanwhile
            inodes |= {
                int(number, 16) for number in re.findall(r"^inotify .*\bino:(\w+)", file.read_text(), re.MULTILINE)
            }
    return inodes
