"""Hosts that modules hand to each other: clean, or not at all."""

from collections.abc import Callable, Iterator

import pytest

from tests.lab import LEAN, Host, wait_until
from tests.lab.command import CommandError
from tests.pool import Ground, Pool, differences, look
from tests.scene import docker_options


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


def test_what_a_module_left_is_gone_for_the_next_one(pool: Pool) -> None:
    ground = pool.take(LEAN)
    host, station = ground.host, ground.lab.station("printer", "192.168.1.60/24")
    host.docker("network", "create", *docker_options(), "left")
    host.container("web", "left")
    host.ip("link", "add", "left0", "type", "bridge")
    host.drop("left.toml", "")
    host.path("/etc/left").write_text("")
    host.path("/run/left").mkdir()
    host.popen("sleep", "1000")
    daemon = host.macvland()
    wait_until(lambda: host.path("/run/macvland/status.json").exists())
    assert differences(ground.first, look(host, ground.lab))
    pool.give_back(LEAN, ground, "this test")
    assert pool.thrown == []
    assert pool.take(LEAN) is ground
    assert differences(ground.first, look(host, ground.lab)) == ""
    assert daemon.process.wait(5)
    assert list(host.path("/etc/macvlan.d").iterdir()) == []
    assert not host.path("/run/left").exists()
    with pytest.raises(CommandError):
        station.ping("192.168.1.1")
    ground.lab.close()


HARM: dict[str, Callable[[Host], object]] = {
    "a setting": lambda host: host.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_filter=1"),
    "a file's content": lambda host: host.path("/etc/hostname").write_text("other\n"),
    "an address": lambda host: host.ip("address", "add", "192.168.1.77/24", "dev", "eth0"),
    "the image": lambda host: host.docker("image", "rm", "lab"),
    "Docker's end": lambda host: host.engine.kill(),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_host_that_is_not_as_it_was_is_not_handed_out_again(pool: Pool, harm: Callable[[Host], object]) -> None:
    ground = pool.take(LEAN)
    harm(ground.host)
    pool.give_back(LEAN, ground, "this test")
    assert [told.partition(": ")[0] for told in pool.thrown] == ["this test"]
    other: Ground = pool.take(LEAN)
    assert other is not ground
    other.lab.close()


def test_hosts_are_told_apart_by_what_their_docker_runs_with(pool: Pool) -> None:
    lean = pool.take(LEAN)
    pool.give_back(LEAN, lean, "this test")
    live = pool.take((*LEAN, "--live-restore"))
    assert live is not lean
    assert live.host.docker("info", "--format", "{{.LiveRestoreEnabled}}") == "true\n"
    live.lab.close()
