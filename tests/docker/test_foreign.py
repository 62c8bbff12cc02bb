"""A network that was there before: it serves where it is as the file says, and nobody changes it."""

import pytest

from tests.lab import Host
from tests.scene import (
    BORROWED,
    Serving,
    declare,
    docker_options,
    inspect,
    shims,
    wait_for_state,
    wait_for_ways,
)

HOST = "192.168.1.50"


@pytest.mark.fault("B30")
def test_a_foreign_network_with_the_same_settings_serves_and_is_never_removed(host: Host, serve: Serving) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    before = inspect(host, "pub_net")
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    found = wait_for_state(daemon, host, "pub_net", "foreign")
    assert found.reasons == ("met by a network that macvland did not make and leaves alone",)
    web = host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    host.ping("192.168.1.51")
    web.remove()

    host.remove("pub_net.toml")
    wait_for_state(daemon, host, "pub_net", "gone")
    assert (shims(host), inspect(host, "pub_net")) == ([], before)
    assert "macvland: pub_net: add Docker network" not in daemon.read_log()
    assert "delete Docker network" not in daemon.read_log()


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        (
            docker_options(lan="192.168.2"),
            "subnet 192.168.1.0/24 is none, the file says there; subnet 192.168.2.0/24 is there, the file says none",
        ),
        (
            (*docker_options()[:-3], "192.168.1.2", "--ip-range", "192.168.1.128/27"),
            (
                "gateway of 192.168.1.0/24 is 192.168.1.2, the file says 192.168.1.1; "
                "range of 192.168.1.0/24 is 192.168.1.128/27, the file says 192.168.1.192/27"
            ),
        ),
        (
            tuple(word.replace("=bridge", "=private") for word in docker_options()),
            "mode is private, the file says bridge",
        ),
        ((*docker_options(), "--internal"), "internal is true, the file says false"),
        (
            (*docker_options(), "--aux-address", "nas=192.168.1.200"),
            "reserved of 192.168.1.0/24 is 192.168.1.200, the file says none",
        ),
    ],
    ids=["subnet", "gateway and range", "mode", "internal", "reserved"],
)
@pytest.mark.fault("B30")
def test_a_foreign_network_with_other_settings_is_a_conflict_that_says_what_differs(
    host: Host, serve: Serving, options: tuple[str, ...], differs: str
) -> None:
    host.docker("network", "create", *options, "pub_net")
    before = inspect(host, "pub_net")
    host.drop("pub_net.toml", declare())
    daemon = serve()
    found = wait_for_state(daemon, host, "pub_net", "conflict")
    (reason,) = found.reasons
    assert reason == (
        f"a network of this name that macvland did not make has other settings: {differs}; "
        "write these into the file, or remove it with 'docker network rm pub_net'"
    )
    host.remove("pub_net.toml")
    wait_for_state(daemon, host, "pub_net", "gone")
    assert inspect(host, "pub_net") == before


@pytest.mark.fault("B30")
def test_a_foreign_network_that_is_removed_makes_room(host: Host, serve: Serving) -> None:
    host.docker("network", "create", *docker_options(lan="192.168.2"), "pub_net")
    host.drop("pub_net.toml", declare())
    daemon = serve()
    wait_for_state(daemon, host, "pub_net", "conflict")
    host.docker("network", "rm", "pub_net")
    wait_for_state(daemon, host, "pub_net", "ready")
    assert inspect(host, "pub_net")["Labels"]["io.macvland.managed"] == "true"
