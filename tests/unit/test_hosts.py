"""For which hosts a file is, and what is other on some of them."""

import json
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from macvland import cli
from macvland.config import Declaration, check, parse, read
from macvland.config.host import admission, admits, means, pattern
from macvland.config.hosts import on
from macvland.model import Machine
from tests.unit.samples import HERE, MACHINE

BASE = """
[network]
parent = "eth0"

[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
range = "192.168.1.192/27"

[[subnet]]
cidr = "2001:db8::/64"
gateway = "2001:db8::1"

[shim]
address = ["192.168.1.223", "2001:db8::223"]
"""


@pytest.mark.parametrize(
    ("text", "hostname", "meant"),
    [
        ("node1", "node1", True),
        ("node1", "NODE1", True),
        ("Node1", "node1", True),
        ("node1", "node1.example.com", False),
        ("node1.*", "node1.example.com", True),
        ("node1", "node11", False),
        ("node?", "node1", True),
        ("node?", "node", False),
        ("web-*", "web-", True),
        ("*", "", True),
        ("node[1-3]", "node2", True),
        ("node[1-3]", "node4", False),
        ("node[!1-3]", "node4", True),
        ("node[^1-3]", "node2", False),
        ("node[a.]", "node.", True),
        ("NODE[A-C]", "nodeb", True),
        (MACHINE, "other", True),
        ("01234567-89AB-cdef-0123-456789abcdef", "other", True),
        ("f" * 32, "f" * 32, False),
    ],
)
def test_a_pattern_means_a_hostname_or_a_machine_id_as_systemd_has_it(text: str, hostname: str, *, meant: bool) -> None:
    assert means(pattern(text), Machine(hostname=hostname, id=MACHINE)) is meant


@pytest.mark.parametrize(
    ("match", "hosts"),
    [
        ([], ["node1", "node3", "web-1", "web-3"]),
        (["node1"], ["node1"]),
        (["node1", "web-*", "!web-3"], ["node1", "web-1"]),
        (["!node3"], ["node1", "web-1", "web-3"]),
        (["!web-*", "web-*"], []),
    ],
    ids=" ".join,
)
def test_a_file_is_for_those_that_are_asked_and_not_refused(match: list[str], hosts: list[str]) -> None:
    patterns = [admission(one) for one in match]
    every = ["node1", "node3", "web-1", "web-3"]
    admitted = [name for name in every if admits(patterns, lambda one, name=name: means(one, called(name)))]  # type: ignore[misc]
    assert admitted == hosts


def called(name: str) -> Machine:
    return Machine(hostname=name, id=MACHINE)


def declared_on(tables: str, name: str) -> Declaration | None:
    declaration, errors = parse((BASE + tables).encode(), Path("pub_net.toml"))
    assert (declaration is not None, errors) == (True, ())
    return on(declaration, lambda one: means(one, called(name))) if declaration else None


TABLES = """
[host."*"]
parent = "eth9"

[host."node*"]
parent = "eth8"

[host.node1]
parent = "eno1"
range = ["2001:db8::1:0/112", "192.168.1.128/28"]
address = "192.168.1.222"

[host.node2]
"""


@pytest.mark.parametrize(
    ("name", "parent"),
    [("node1", "eno1"), ("node2", "eth0"), ("node3", "eth9"), ("web", "eth9")],
    ids=["by name", "by name, saying nothing", "by the first pattern", "by a pattern"],
)
def test_one_table_counts_for_a_host_the_exact_one_first(name: str, parent: str) -> None:
    found = declared_on(TABLES, name)
    assert found
    assert found.parent == parent


def test_a_range_and_an_address_take_the_place_of_those_of_their_subnet_alone() -> None:
    found = declared_on(TABLES, "node1")
    assert found
    assert [subnet.range for subnet in found.subnets] == [
        ip_network("192.168.1.128/28"),
        ip_network("2001:db8::1:0/112"),
    ]
    assert found.shim
    assert found.shim.addresses == {ip_address("192.168.1.222"), ip_address("2001:db8::223")}


# Files of several hosts, read on one


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


def write(directory: Path, **files: str) -> list[Path]:
    for name, text in files.items():
        (directory / f"{name}.toml").write_text(text)
    return sorted(directory.glob("*.toml"))


def test_a_file_for_other_hosts_declares_nothing_here_and_is_named(directory: Path) -> None:
    write(directory, here=BASE, lab=f'{BASE}\n[match]\nhost = "node2"\n')
    config = read(HERE, [directory])
    assert [one.name for one in config.declarations] == ["here"]
    assert [one.name for one in config.elsewhere] == ["lab"]
    assert (config.errors, config.frozen) == ((), frozenset())


def test_a_host_with_another_name_reads_the_same_files_otherwise(directory: Path) -> None:
    write(directory, lab=f'{BASE}\n[match]\nhost = "node2"\n')
    read(HERE, [directory])
    assert [one.name for one in read(called("node2"), [directory]).declarations] == ["lab"]


def test_a_file_for_other_hosts_is_checked_wholly(directory: Path) -> None:
    files = write(directory, lab=f'{BASE}\n[match]\nhost = "node2"\n\n[host.node2]\nrange = "10.0.0.0/8"\n')
    (error,) = check(files, HERE).errors
    assert (error.line, error.key) == (21, "host.node2.range")
    assert check(files, HERE).frozen == {"lab"}


def test_files_that_are_never_on_one_host_may_declare_the_same(directory: Path) -> None:
    files = write(directory, a=f'{BASE}\n[match]\nhost = "node1"\n', b=f'{BASE}\n[match]\nhost = "node2"\n')
    assert check(files, HERE).errors == ()


def test_what_overlaps_on_a_host_is_told_at_the_line_of_its_table(directory: Path) -> None:
    text = '[network]\nparent = "eth0"\n[[subnet]]\ncidr = "10.0.0.0/24"\ngateway = false\n'
    text += 'range = "10.0.0.{}/28"\n[shim]\n'
    tables = '[host.node1]\nrange = "10.0.0.0/28"\naddress = "10.0.0.65"\n'
    files = write(
        directory, a=text.format(0) + 'address = "10.0.0.65"\n', b=text.format(32) + tables, c=text.format(48)
    )
    config = check(files, HERE)
    assert [(error.file.name, error.line, error.key) for error in config.errors] == [
        ("b.toml", 9, "host.node1.range"),
        ("b.toml", 10, "host.node1.address"),
    ]
    assert [error.key for error in check(files, called("node2")).errors] == []


def test_a_file_is_checked_as_another_host_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = write(tmp_path, a=f'{BASE}\n[match]\nhost = ["node1", "{MACHINE}"]\n')
    for name in ("node1", MACHINE.upper(), "node2"):
        assert cli.main(["check", "--host", name, str(file)]) == 0
    assert capsys.readouterr().out == (
        "1 network(s), no problems\n1 network(s), no problems\nnot for 'node2': a\n0 network(s), no problems\n"
    )
    assert cli.main(["check", "--json", "--host", "node2", str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["elsewhere"] == ["a"]
