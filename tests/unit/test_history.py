"""What macvland remembers of a Docker holds for one run of it, wherever its pid file is."""

import json
from collections.abc import Callable
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from macvland.condition.docker import LOST, LOST_TO_ANOTHER
from macvland.engine import activation
from macvland.engine.history import KNOWN, History


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's socket, of a dockerd that runs as docker.service."""
    monkeypatch.setattr(activation, "INVOCATION", tmp_path / "invocation:docker.service")
    monkeypatch.setattr(activation, "PIDFILE", tmp_path / "docker.pid")
    start_service(tmp_path, "1" * 32)
    path = tmp_path / "docker.sock"
    make_socket(path)
    return path


def make_socket(path: Path) -> None:
    """Do what dockerd does at its start."""
    path.unlink(missing_ok=True)
    with socket(AF_UNIX) as listener:
        listener.bind(str(path))


def start_service(at: Path, invocation: str) -> None:
    """Do what systemd does when docker.service starts."""
    new = at / "new"
    new.symlink_to(invocation)
    new.replace(at / "invocation:docker.service")


def write_pid(at: Path) -> None:
    """Do what dockerd does at its start, where a proxy has made the socket."""
    at.unlink(missing_ok=True)
    at.write_text("2", encoding="ascii")


STARTS: dict[str, Callable[[Path], None]] = {
    "it made its socket anew": make_socket,
    "systemd keeps the socket": lambda docker: start_service(docker.parent, "2" * 32),
    "a proxy keeps the socket": lambda docker: write_pid(docker.with_name("docker.pid")),
    "no longer by systemd": lambda docker: (docker.parent / "invocation:docker.service").unlink(),
}
start = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)


@start
def test_what_was_found_out_ends_with_docker(docker: Path, start: Callable[[Path], None]) -> None:
    history = History(docker.with_name("docker.json"), docker)
    history.judge("known", KNOWN)
    assert history.verdicts() == {"known": KNOWN}
    start(docker)
    assert history.verdicts() == {}


@start
def test_a_verdict_on_a_docker_that_nobody_had_looked_at_since_its_start_is_kept(
    docker: Path, start: Callable[[Path], None]
) -> None:
    history = History(docker.with_name("docker.json"), docker)
    history.judge("old", KNOWN)
    start(docker)
    history.judge("new", LOST("lan"))
    assert history.verdicts() == {"new": LOST("lan")}


@start
def test_what_was_found_out_outlives_the_daemon_and_not_docker(docker: Path, start: Callable[[Path], None]) -> None:
    file = docker.with_name("docker.json")
    history = History(file, docker)
    lost = LOST_TO_ANOTHER("lan", other="zoo", parent="eth0")
    history.judge("known", KNOWN)
    history.judge("lost", lost)
    history.save()
    assert History(file, docker).verdicts() == {"known": KNOWN, "lost": lost}
    start(docker)
    assert History(file, docker).verdicts() == {}


def test_a_verdict_that_an_older_macvland_wrote_in_words_is_found_out_anew(docker: Path) -> None:
    written = {
        "socket": str(docker),
        "run": activation.run_of(docker),
        "verdicts": {"known": "", "lost": "forgotten"},
        "links": {},
    }
    docker.with_name("docker.json").write_text(json.dumps(written))
    assert History(docker.with_name("docker.json"), docker).verdicts() == {"known": KNOWN}


def test_new_rights_and_connections_are_no_start(docker: Path) -> None:
    docker.unlink()
    with socket(AF_UNIX) as listener, socket(AF_UNIX) as client:
        listener.bind(str(docker))
        listener.listen()
        history = History(docker.with_name("docker.json"), docker)
        history.judge("known", KNOWN)
        docker.chmod(0o666)
        client.connect(str(docker))
        client.send(b"x")
        assert history.verdicts() == {"known": KNOWN}


def test_a_history_of_the_pid_file_counts_for_no_docker(docker: Path) -> None:
    """As versions before kept it."""
    file = docker.with_name("docker.json")
    file.write_text('{"run": [1, 2], "verdicts": {"known": ""}, "links": {"endpoint": 3}}')
    assert History(file, docker).verdicts() == {}


def test_whoever_comes_to_the_same_docker_another_way_takes_what_is_known(docker: Path) -> None:
    file = docker.with_name("docker.json")
    proxied = docker.with_name("proxy.sock")
    make_socket(proxied)
    history = History(file, proxied)
    history.judge("known", KNOWN)
    history.save()
    assert History(file, docker).verdicts() == {"known": KNOWN}
    make_socket(proxied)
    assert History(file, docker).verdicts() == {}
