"""Fixtures: labs, hosts, hosts with Docker. In CI a skip is a failure, for a skipped promise is a broken one."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.lab import Host, Lab
from tests.lab.state import sweep_abandoned


def pytest_sessionstart() -> None:
    """Take away what a killed run left."""
    if os.geteuid() == 0:
        sweep_abandoned()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A LAN with a router, for one test."""
    with Lab() as fresh:
        yield fresh


@pytest.fixture
def host(lab: Lab) -> Host:
    """A host without Docker, for one test."""
    return lab.host()


@pytest.fixture
def docker_host(lab: Lab) -> Host:
    """A host with Docker running, for one test; `docker_host.engine` stops, kills and starts it."""
    host = lab.host()
    host.dockerd()
    return host


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Lab]:
    """A LAN with a router, for the tests of one module, which leave it as they found it."""
    with Lab() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def shared_host(shared_lab: Lab) -> Host:
    """A host without Docker, for the tests of one module, which leave it as they found it."""
    return shared_lab.host()


@pytest.fixture(scope="module")
def shared_docker_host(shared_host: Host) -> Host:
    """A host with Docker running, for the tests of one module, which leave it as they found it."""
    shared_host.dockerd()
    return shared_host


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of a failed test's hosts; refuse skips in CI."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    if report.failed and isinstance(item, pytest.Function):
        for host in {value for value in item.funcargs.values() if isinstance(value, Host)}:
            report.sections.extend(_logs(host))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse skips of whole modules in CI."""
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


def _refuse_skip(report: Any) -> None:
    if os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI forbids: {report.longrepr}"


def _logs(host: Host) -> list[tuple[str, str]]:
    """Return the end of what Docker and the last macvland on *host* had to say."""
    macvland = sorted(host.root.glob("macvland-*.log"), key=lambda log: log.stat().st_mtime)[-1:]
    return [
        (f"{host.name}: {log.name}", "\n".join(log.read_text(errors="replace").splitlines()[-lines:]))
        for logs, lines in ((host.root.glob("dockerd.log"), 10), (macvland, 40))
        for log in logs
    ]
