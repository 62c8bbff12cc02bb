"""macvlanctl adopt where it needs neither the kernel nor Docker: reports to files, and what no file can say."""

import io
import json
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any

import pytest

from macvland import cli
from macvland.cli.adopt.adoption import adoption, together
from macvland.cli.adopt.handmade import Handmade, handmade
from macvland.config import check
from macvland.kernel.survey import Way
from macvland.model import Host, Link
from tests.unit.samples import ETH0, HERE

Output = pytest.CaptureFixture[str]
POOL = {"Subnet": "192.168.1.0/24", "Gateway": "192.168.1.1", "IPRange": "192.168.1.192/27"}


def report(name: str = "pub_net", *pools: dict[str, Any], **said: Any) -> dict[str, Any]:
    """What `docker network inspect` says of a network."""
    return {
        "Name": name,
        "Driver": "macvlan",
        "Scope": "local",
        "Options": {"parent": "eth0", "macvlan_mode": "bridge"},
        "IPAM": {"Driver": "default", "Options": None, "Config": list(pools) or [POOL]},
        **said,
    }


def shim(*addresses: str, routes: tuple[str, ...] = ()) -> Handmade:
    return Handmade(
        name="shim0",
        mac="02:00:00:00:00:99",
        addresses=tuple(map(ip_interface, addresses)),
        routes=tuple(map(ip_network, routes)),
    )


FULL = report(
    "lab",
    POOL | {"AuxiliaryAddresses": {"a": "192.168.1.200", "b": "192.168.1.201", "nas": "192.168.1.9"}},
    {"Subnet": "2001:db8:1::/64", "Gateway": "2001:db8:1::1"},
    Options={"parent": "eth0.50", "macvlan_mode": "private", "com.docker.network.driver.mtu": "1400"},
    Labels={"com.example.team": 'the "press"', "com.docker.compose.project": "x"},
)
WRITTEN = """\
# Written by 'macvlanctl adopt' from a test.
# Not in this file:
# - option 'com.docker.network.driver.mtu' = '1400': Docker's macvlan driver ignores it
# - label 'com.docker.compose.project': Docker and Compose know their own by these, and Compose would remove the network

[network]
parent = "eth0.50"
mode = "private"
labels = { "com.example.team" = "the \\"press\\"" }

[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
range = "192.168.1.192/27"
reserved = ["192.168.1.9", "192.168.1.200-192.168.1.201"]

[[subnet]]
cidr = "2001:db8:1::/64"
gateway = "2001:db8:1::1"
"""


def test_all_that_a_file_can_say_is_in_it_and_the_rest_in_its_comments() -> None:
    assert adoption(FULL, "a test").text == WRITTEN


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (report("a", {"Subnet": "10.9.0.0/24"}, Internal=True), "internal = true"),
        (report("a", {"Subnet": "10.9.0.0/24"}, Options={}), "internal = true"),
        (report("a", {"Subnet": "10.9.0.0/24"}), "gateway = false"),
        (report(Options={"parent": "eth0", "macvlan_mode": "passthru"}), 'mode = "passthru"'),
        (report(Options={"parent": "eth0"}), 'mode = "bridge"'),
        (report("a", {"Subnet": "10.9.0.7/24", "Gateway": "10.9.0.1"}), 'cidr = "10.9.0.0/24"'),
    ],
    ids=["internal", "no parent", "no gateway", "passthru", "no mode", "host bits"],
)
def test_each_kind_of_network_has_its_line(said: dict[str, Any], line: str) -> None:
    assert line in adoption(said, "a test").text.splitlines()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (report(Driver="bridge"), "is a 'bridge' network"),
        (report(Scope="swarm"), "has the scope 'swarm'"),
        (report(ConfigOnly=True), "is config-only"),
        (report("my net"), "has a name that no file can have"),
        (report("a" * 251), "has a name that no file can have"),
        (report("a", POOL, Internal=True), "subnet[1].gateway: an internal network has none"),
        (report("a", POOL | {"AuxiliaryAddresses": {"x": "192.168.1.255"}}), "reserved of 192.168.1.0/24"),
        (report(IPAM=None), "subnet: is missing"),
        (report(Options={"parent": "lo"}), "'lo' cannot carry a macvlan network"),
        (report(Labels={"io.macvland.managed": "true"}), "is macvland's already"),
    ],
    ids=[
        "another driver",
        "of a swarm",
        "config-only",
        "a name with a space",
        "a name too long",
        "an internal one with a gateway",
        "the broadcast address reserved",
        "no subnet",
        "a parent that cannot be",
        "ours",
    ],
)
def test_a_network_that_no_file_can_declare_has_none_and_a_reason(said: dict[str, Any], why: str) -> None:
    found = adoption(said, "a test")
    assert found.text == ""
    assert why in found.refusal


def test_a_newline_in_an_option_ends_no_comment() -> None:
    found = adoption(report(Options={"parent": "eth0", "x": "a\n[shim]\n"}), "a test")
    assert "\n[shim]" not in found.text


def test_a_name_that_does_not_print_reaches_no_terminal(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "inspect.json"
    file.write_text(json.dumps([report("a\x1b[31m")]))
    assert cli.main(["adopt", "--inspect", str(file)]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_of_two_networks_that_no_directory_can_hold_the_second_has_no_file() -> None:
    one, other = together([adoption(report("a"), "a test"), adoption(report("b"), "a test")])
    assert one.text
    assert (other.text, "declares 192.168.1.0/24 too" in other.refusal) == ("", False)
    assert "cannot stand beside the rest" in other.refusal


# Hand-made shims


SHIM = Link(
    name="shim0",
    index=9,
    kind="macvlan",
    mac="02:00:00:00:00:99",
    below="eth0",
    addresses=frozenset({ip_interface("192.168.1.223/32"), ip_interface("10.1.1.1/24")}),
)
CONTAINER_NIC = Link(name="nic0", index=10, kind="macvlan", mac="02:00:00:00:00:98", below="eth0")


def test_a_shim_is_known_by_its_parent_and_an_address_or_a_route_in_the_subnets() -> None:
    network = adoption_network()
    ways = [
        Way(link="shim0", destination=ip_network("192.168.1.192/27")),
        Way(link="shim0", destination=ip_network("10.1.1.0/24")),
        Way(link="eth0", destination=ip_network("192.168.1.0/24")),
    ]
    seen = Host(links=frozenset({ETH0, SHIM, CONTAINER_NIC}))
    assert handmade(network, seen, ways) == (shim("192.168.1.223/32", routes=("192.168.1.192/27",)),)


def adoption_network() -> Any:
    from macvland.engine.translate import network_of

    return network_of(report())


def test_a_hand_made_shim_is_a_table_in_comments_unless_it_is_to_count() -> None:
    mine = shim("192.168.1.223/32", routes=("192.168.1.192/27", "192.168.1.51/32"))
    quiet, live = (adoption(report(), "a test", [mine], live=live) for live in (False, True))
    assert '# [shim]\n# address = "192.168.1.223"\n' in quiet.text
    assert '\n[shim]\naddress = "192.168.1.223"\n' in live.text
    assert quiet.notes == live.notes
    assert quiet.notes == (
        "hand-made shim 'shim0': its MAC 02:00:00:00:00:99: macvland derives one for its own from the machine's id",
        "hand-made shim 'shim0': its route to 192.168.1.192/27: macvland routes to each container apart",
    )


@pytest.mark.parametrize(
    ("addresses", "note"),
    [
        (("192.168.1.223/24",), "the /24 of 192.168.1.223"),
        (("192.168.1.222/32", "192.168.1.223/32"), "a [shim] has at most one in each subnet"),
        (("192.168.1.1/32",), "its address 192.168.1.1, which is the gateway"),
    ],
    ids=["a subnet's route", "two in one subnet", "the gateway's"],
)
def test_what_of_a_shim_no_file_can_say_is_told(addresses: tuple[str, ...], note: str) -> None:
    found = adoption(report(), "a test", [shim(*addresses)], live=True)
    assert found.text
    assert any(note in one for one in found.notes)


def test_a_shim_at_an_auxiliary_address_becomes_one_without_an_address_for_a_file_may_not_say_both() -> None:
    reserving = report("pub_net", POOL | {"AuxiliaryAddresses": {"shim": "192.168.1.223"}})
    found = adoption(reserving, "a test", [shim("192.168.1.223/32")], live=True)
    assert found.text.endswith('reserved = ["192.168.1.223"]\n\n[shim]\n')
    assert "its address 192.168.1.223, which Docker reserves" in found.notes[0]


def test_a_shim_beside_a_private_network_is_told_and_no_table() -> None:
    private = report(Options={"parent": "eth0", "macvlan_mode": "private"})
    found = adoption(private, "a test", [shim("192.168.1.223/32")], live=True)
    assert "[shim]\n" not in found.text
    assert "its mode is private, and a [shim] needs bridge" in found.notes[0]


# The command


@pytest.fixture
def inspected(tmp_path: Path) -> Path:
    file = tmp_path / "inspect.json"
    file.write_text(json.dumps([FULL, report("other", {"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"})]))
    return file


def test_one_network_goes_to_stdout_and_its_notes_to_stderr(inspected: Path, capsys: Output) -> None:
    assert cli.main(["adopt", "--inspect", str(inspected), "lab"]) == 0
    told = capsys.readouterr()
    assert told.out == WRITTEN.replace("a test", "inspect.json")
    assert told.err.startswith("lab: not in the file: option 'com.docker.network.driver.mtu'")


def test_stdin_is_read_where_the_file_is_a_dash(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps([report()])))
    assert cli.main(["adopt", "--inspect", "-"]) == 0
    assert "from standard input" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["--inspect", "--compose"])
def test_a_file_knows_no_shim(source: str, inspected: Path, capsys: Output) -> None:
    assert cli.main(["adopt", "--shim", source, str(inspected), "lab"]) == 1
    assert "--shim" in capsys.readouterr().err


def test_several_networks_need_a_directory(inspected: Path, capsys: Output) -> None:
    assert cli.main(["adopt", "--inspect", str(inspected)]) == 1
    assert "or a directory with --output DIR" in capsys.readouterr().err


def test_each_network_is_a_file_that_passes_check(inspected: Path, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert cli.main(["adopt", "--inspect", str(inspected), "--output", str(out)]) == 0
    files = sorted(out.iterdir())
    assert capsys.readouterr().out.splitlines() == [str(file) for file in files]
    assert check(files, HERE).errors == ()
    assert [one.name for one in check(files, HERE).declarations] == ["lab", "other"]


def test_no_file_is_written_over(inspected: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "lab.toml").write_text("mine")
    assert cli.main(["adopt", "--inspect", str(inspected), "--output", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "lab.toml exists, and is left as it is: move it away" in told.err
    assert told.out.splitlines() == [str(tmp_path / "other.toml")]
    assert (tmp_path / "lab.toml").read_text() == "mine"
    assert (tmp_path / "other.toml").exists()


def test_json_has_texts_notes_and_refusals(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "inspect.json"
    file.write_text(json.dumps([report(), report("swarmed", Scope="swarm")]))
    assert cli.main(["adopt", "--json", "--inspect", str(file)]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == 1
    assert [(one["network"], bool(one["text"]), bool(one["refusal"])) for one in told["networks"]] == [
        ("pub_net", True, False),
        ("swarmed", False, True),
    ]


COMPOSE = {
    "name": "shop",
    "networks": {
        "default": None,
        "lan": {
            "driver": "macvlan",
            "driver_opts": {"parent": "eth0"},
            "ipam": {
                "config": [{"subnet": "192.168.1.0/24", "gateway": "192.168.1.1", "ip_range": "192.168.1.192/27"}]
            },
            "labels": ["team=press"],
        },
        "named": {
            "name": "dmz",
            "driver": "macvlan",
            "internal": True,
            "ipam": {"config": [{"subnet": "10.9.0.0/24"}]},
        },
    },
}


def test_the_networks_of_a_compose_file_have_the_names_that_compose_gives_them(tmp_path: Path) -> None:
    file = tmp_path / "compose.json"
    file.write_text(json.dumps(COMPOSE))
    assert cli.main(["adopt", "--compose", str(file), "--output", str(tmp_path)]) == 0
    lan, dmz = ((tmp_path / f"{name}.toml").read_text() for name in ("shop_lan", "dmz"))
    assert 'parent = "eth0"' in lan
    assert 'labels = { "team" = "press" }' in lan
    assert 'range = "192.168.1.192/27"' in lan
    assert "internal = true" in dmz


def test_an_external_network_of_compose_is_adopted_from_docker(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "compose.json"
    file.write_text(json.dumps({"networks": {"lan": {"name": "lan", "external": True}}}))
    assert cli.main(["adopt", "--compose", str(file), "lan"]) == 2
    assert "is external" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        (
            "--compose",
            "networks:\n  lan: {}\n",
            "is no JSON (YAML is not read); give what 'docker compose config --format",
        ),
        ("--compose", "[]", "has no `networks`; give what 'docker compose config --format json' prints"),
        ("--inspect", "no", "is no JSON (YAML is not read); give what 'docker network inspect NETWORK' prints"),
        ("--inspect", '[{"Id": 1}]', "holds something else than networks"),
        ("--inspect", "[]", "there is no macvlan network to adopt"),
    ],
    ids=["YAML", "no networks", "no JSON", "no network", "nothing"],
)
def test_what_cannot_be_read_says_in_its_first_line_what_to_give(
    option: str, text: str, told: str, tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "given"
    file.write_text(text)
    assert cli.main(["adopt", option, str(file)]) == 1
    assert told in capsys.readouterr().err.splitlines()[0]


def test_a_name_that_is_not_there_is_an_error_that_says_what_is(inspected: Path, capsys: Output) -> None:
    assert cli.main(["adopt", "--inspect", str(inspected), "nope"]) == 1
    assert "has no network 'nope'; it has lab, other" in capsys.readouterr().err
