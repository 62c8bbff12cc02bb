"""What a failed test leaves to be read."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests import evidence
from tests.lab import Host, Lab
from tests.lab.netns import add_parent, private_network


def told(**fixtures: object) -> dict[str, str]:
    item: Any = SimpleNamespace(funcargs=fixtures)
    return dict(evidence.sections(item))


def test_a_host_shows_what_is_on_it(lab: Lab, docker_host: Host) -> None:
    docker_host.drop("pub_net.toml", "[network]\n")
    docker_host.container("web", "none")
    docker_host.macvland().wait_for("started")
    shown = told(lab=lab)
    assert "eth0" in shown["host: links"]
    assert "192.168.1.50/24" in shown["host: addresses"]
    assert "default via 192.168.1.1" in shown["host: routes"]
    assert "web" in shown["host: Docker's containers"]
    assert "none" in shown["host: Docker's networks"]
    assert "[network]" in shown["host: files"]
    assert "macvland" in shown["host: macvland-0.log"]
    assert shown.keys() >= {"host: status.json", "host: dockerd.log", "host: permanent neighbours"}
    assert told(docker_host=docker_host).keys() == shown.keys()


def test_a_docker_that_hangs_does_not_hold_it_up(docker_host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "SECONDS", 0.3)
    docker_host.engine.pause()
    assert "timed out" in told(host=docker_host)["host: Docker's networks"]
    docker_host.engine.resume()


def test_a_host_that_is_gone_is_no_failure_of_its_own() -> None:
    with Lab() as lab:
        lab.host()
    assert "eth0" not in told(lab=lab)["host: links"]


def test_it_is_bounded(host: Host) -> None:
    host.path("/run/macvland").mkdir()
    host.path("/run/macvland/status.json").write_text("x" * 100_000 + "\n" * 100_000)
    (shown,) = (text for title, text in told(host=host).items() if title.endswith("status.json"))
    assert len(shown) < 2 * evidence.COLUMNS + evidence.LINES
    assert sum(map(len, told(host=host).values())) < 20 * evidence.LINES * evidence.COLUMNS


def test_a_thread_in_a_namespace_of_its_own_shows_that() -> None:
    assert told() == {}
    with private_network():
        add_parent("nic7")
        assert "nic7" in told()["the test's namespace: links"]
