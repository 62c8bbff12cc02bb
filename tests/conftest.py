"""Fixtures: labs, hosts, hosts with Docker. In CI a skip is a failure, for a skipped promise is a broken one."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests import evidence
from tests.lab import LEAN, Host, Lab
from tests.lab.state import sweep_abandoned
from tests.pool import Pool
from tests.progress import Plugin

POOL = pytest.StashKey[Pool]()


def pytest_configure(config: pytest.Config) -> None:
    """Show the progress of the parts, in the process that reports; let no terminal's width count."""
    os.environ.pop("COLUMNS", None)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Plugin(config), "progress")


def pytest_sessionstart() -> None:
    """Take away what a killed run left."""
    if os.geteuid() == 0:
        sweep_abandoned()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that reports how the pool was treated."""
    pool = session.config.stash.get(POOL, None)
    told = (pool.made, pool.thrown) if pool else (0, [])
    getattr(session.config, "workeroutput", {})["pool"] = told
    if progress := session.config.pluginmanager.get_plugin("progress"):
        progress.pool(*told)


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


@pytest.fixture(scope="session")
def pool(pytestconfig: pytest.Config) -> Iterator[Pool]:
    """The hosts with Docker of this worker."""
    pool = pytestconfig.stash[POOL] = Pool()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def shared_lab(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Lab]:
    """A LAN with a router and, where the module's tests ask for it, a host, for the tests of one module."""
    flags = _flags(request)
    if flags is None:
        with Lab() as fresh:
            yield fresh
        return
    ground = pool.take(flags)
    yield ground.lab
    pool.give_back(flags, ground, request.node.nodeid)


@pytest.fixture(scope="module")
def shared_host(shared_lab: Lab) -> Host:
    """A host, for the tests of one module, which leave it as they found it; without Docker unless they ask for it."""
    return shared_lab.hosts[0] if shared_lab.hosts else shared_lab.host()


@pytest.fixture(scope="module")
def shared_docker_host(shared_host: Host) -> Host:
    """A host with Docker running, for the tests of one module, which leave it as they found it.

    It is one of the pool. Where Docker is to run with other flags than LEAN, the module names them as DOCKERD.
    """
    assert shared_host.engine
    return shared_host


def _flags(request: pytest.FixtureRequest) -> tuple[str, ...] | None:
    """Return with which flags Docker is to run for the module of *request*; None if no test of it asks for Docker."""
    tests = [item for item in request.session.items if item.nodeid.startswith(f"{request.node.nodeid}::")]
    asked = any("shared_docker_host" in item.fixturenames for item in tests if isinstance(item, pytest.Function))
    return getattr(request.module, "DOCKERD", LEAN) if asked else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a failed test's hosts looked like; refuse skips in CI."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    if report.failed and isinstance(item, pytest.Function):
        report.sections.extend(evidence.sections(item))
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
