"""What a failed test leaves to be read: the logs of its hosts, and what these hosts looked like at that moment.

All of it is told by ordinary programs that run within the host's namespaces. Nothing here raises, waits long, or prints
much: the failure itself is what the reader came for.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Host, Lab, engine
from tests.lab.station import PLAIN

LINES, COLUMNS = 40, 400  # of each command and log
SECONDS = 5.0  # for each command: Docker may hang, which may be what the test is about
LINKS = {
    "links": "ip -details link show",
    "addresses": "ip -brief address show",
    "routes": "ip -4 route show; ip -6 route show",
    "permanent neighbours": "ip neighbour show nud permanent; ip neighbour show proxy",
}
DOCKER = {
    "Docker's networks": "docker network ls --no-trunc --format '{{.Name}} {{.Driver}} {{.ID}} {{.Labels}}'",
    "Docker's containers": "docker ps --all --format '{{.Names}} {{.Status}} {{.Networks}}'",
}
FILES = {
    "files": "cd /etc/macvlan.d && head -n 20 -- *",
    "status.json": "cat /run/macvland/status.json",
}

OURS = Path("/proc/thread-self/ns/net")
FIRST = OURS.readlink()

Section = tuple[str, str]


def sections(item: pytest.Item) -> list[Section]:
    """Return what is to be read of the hosts of *item*, a test that has failed."""
    hosts = {value for value in _fixtures(item) if isinstance(value, Host)}
    hosts |= {host for value in _fixtures(item) if isinstance(value, Lab) for host in value.hosts}
    shown = [section for host in sorted(hosts, key=lambda host: host.name) for section in _of_host(host)]
    return shown + (list(_of_this_thread()) if _is_in_a_namespace() else [])


def _fixtures(item: pytest.Item) -> list[object]:
    return list(getattr(item, "funcargs", {}).values())


def _of_host(host: Host) -> Iterator[Section]:
    docker = DOCKER if (host.root / "dockerd.log").exists() else {}
    for title, command in (LINKS | docker | FILES).items():
        yield f"{host.name}: {title}", _told(*_entering(host), "sh", "-c", command)
    daemons = sorted(host.root.glob("macvland-*.log"), key=_age)[-2:]
    others = sorted(log for log in host.root.glob("*.log") if not log.name.startswith("macvland-"))
    for log in (*others, *daemons):
        yield f"{host.name}: {log.name}", _end_of(log)


def _of_this_thread() -> Iterator[Section]:
    for title, command in LINKS.items():
        yield f"the test's namespace: {title}", _told("sh", "-c", command)


def _is_in_a_namespace() -> bool:
    """Tell whether the calling thread is in another network namespace than the process was started in."""
    return OURS.readlink() != FIRST


def _entering(host: Host) -> tuple[str, ...]:
    try:
        return host.enter()
    except Exception:  # noqa: BLE001  # whatever is wrong with the host: the failure of the test is what counts
        return ("false",)


def _told(*command: str) -> str:
    """Return what *command* prints, or why it prints nothing."""
    environment = {**PLAIN, **engine.environment()}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"({error})"
    return _bounded(done.stdout.decode(errors="replace").splitlines()[:LINES]) or f"(exit status {done.returncode})"


def _end_of(log: Path) -> str:
    try:
        return _bounded(log.read_text(errors="replace").splitlines()[-LINES:])
    except OSError as error:
        return f"({error})"


def _bounded(lines: list[str]) -> str:
    return "\n".join(line if len(line) <= COLUMNS else f"{line[:COLUMNS]} …" for line in lines)


def _age(log: Path) -> float:
    try:
        return log.stat().st_mtime
    except OSError:
        return 0.0
