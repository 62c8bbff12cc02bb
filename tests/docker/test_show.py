"""macvlanctl show on a real host: what it has is what is shown, whether Docker answers or not."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import fromstring

from tests.lab import Host
from tests.scene import BORROWED, Serving, declare, wait_for_state, wait_for_ways

WEB = "192.168.1.195"


def shown(host: Host) -> tuple[int, list[str]]:
    told = host.ctl("show")
    return told.returncode, told.stdout.splitlines()


def ready(host: Host, serve: Serving) -> str:
    """Make a network with a shim and a container; return the container's MAC."""
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB)
    wait_for_ways(host, {WEB: host.address})
    return web.mac()


def test_a_host_is_shown_as_it_is(host: Host, serve: Serving) -> None:
    mac = ready(host, serve)
    (shim,) = host.ip_json("link", "show", "dev", "mv-pub_net")
    code, lines = shown(host)
    assert (code, lines[2:]) == (
        0,
        [
            "   └─ network pub_net  ready  bridge  192.168.1.0/24 via 192.168.1.1",
            f"      ├─ shim mv-pub_net  {shim['address']}  as {host.address}",
            f"      └─ container web  {WEB}  {mac}",
        ],
    )
    assert lines[1].startswith(f"└─ eth0  veth  {host.mac}  {host.address}/24")


def test_what_is_wrong_is_shown_where_it_is_and_is_exit_status_2(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(parent="eth9"))
    wait_for_state(daemon, host, "pub_net", "waiting")
    code, lines = shown(host)
    assert code == 2
    assert lines[1:] == [
        "└─ eth9",
        "   │  ! does not exist",
        "   └─ network pub_net  waiting  bridge  192.168.1.0/24 via 192.168.1.1",
        "         ! waits for its parent 'eth9', which does not exist yet",
    ]


def test_while_docker_is_down_the_containers_are_those_of_the_status_file(host: Host, serve: Serving) -> None:
    mac = ready(host, serve)
    serve.stop()
    socket = host.docker_socket
    hidden = socket.rename(socket.with_name("hidden.sock"))
    try:
        told = host.ctl("show")
    finally:
        hidden.rename(socket)
    assert told.returncode == 2
    assert "Docker does not answer" in told.stderr
    assert f"container web  {WEB}  {mac}" in told.stdout


def test_json_and_the_picture_have_what_the_tree_has(host: Host, serve: Serving) -> None:
    ready(host, serve)
    data = json.loads(host.ctl("show", "--json").stdout)
    assert data["version"] == 1
    names = {"eth0", "pub_net", "mv-pub_net", "web"}
    assert set(_names(data["links"])) == names
    file = host.path("/etc/picture.svg")
    told = host.ctl("show", "--svg", "/etc/picture.svg")
    assert (told.returncode, told.stdout) == (0, ""), told.stderr
    texts = {it.text for it in fromstring(file.read_text()).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314 - our own
    assert {"eth0", "network pub_net", "shim mv-pub_net", "container web"} <= texts


def _names(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield row["name"]
        yield from _names(row["children"])


def test_a_picture_that_cannot_be_written_says_what_to_do(host: Host) -> None:
    told = host.ctl("show", "--svg", "/nowhere/picture.svg")
    assert (told.returncode, told.stderr.splitlines()[0]) == (
        1,
        "macvlanctl: /nowhere/picture.svg cannot be written: No such file or directory; name another file",
    )
