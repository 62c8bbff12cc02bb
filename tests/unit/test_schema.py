"""The JSON Schema of a file against the parser: what the parser takes, the schema takes; key for key, exactly that."""

import json
import re
import sys
from collections.abc import Callable
from copy import deepcopy
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macvland import cli
from macvland.config import check, network, parse, subnet
from macvland.config.grammar import KEYS
from macvland.config.host import admission, pattern
from macvland.config.network import labels_of
from macvland.config.reserved import _span
from macvland.config.schema import VALUES, schema
from macvland.config.table import Table
from macvland.config.value import RefusalError, address, boolean, number, prefix
from tests.soak import examples
from tests.unit.samples import HERE

pytestmark = pytest.mark.libraries

PROJECT = Path(__file__).parents[2]
FILE = PROJECT / "integration/macvland.schema.json"
GOLDEN = sorted((PROJECT / "tests/golden/config").rglob("*.toml"))
SCHEMA = schema()
WHOLE = jsonschema.Draft202012Validator(SCHEMA)

Output = pytest.CaptureFixture[str]


def test_the_file_of_the_packages_is_what_the_verb_prints(capsys: Output) -> None:
    assert cli.main(["schema"]) == 0
    assert FILE.read_text() == capsys.readouterr().out


def test_the_schema_is_one_of_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_every_key_and_no_other() -> None:
    assert {title: tuple(keys) for title, keys in VALUES.items()} == {title: KEYS[title] for title in KEYS if title}


# Files


def toml(value: object) -> str:
    """Return *value* as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def text_of(content: dict[str, Any]) -> bytes:
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in content.items()).encode()


STRANGE: st.SearchStrategy[Any] = st.one_of(
    st.booleans(),
    st.integers(-2, 2**33),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not value.is_integer()),
    st.text(max_size=5),
    st.sampled_from([[], {}, [[]], ["x"], {"x": "y"}, "", "true", "192.168.1.1", "eth0"]),
)
GOOD = {
    "parent": st.sampled_from(["eth0", "auto", "02:42:ac:11:00:02", "br-lan.50"]),
    "vlan": st.integers(1, 4094),
    "mode": st.sampled_from(["bridge", "bridge", "private"]),
    "promiscuous": st.booleans(),
    "internal": st.booleans(),
    "labels": st.dictionaries(st.text("ab.", min_size=1, max_size=4), st.text("xy ", max_size=3), max_size=2),
    "parent_check": st.booleans(),
    "probe": st.booleans(),
    "on_conflict": st.sampled_from(["warn", "disconnect"]),
    "avoid_used": st.booleans(),
    "replace": st.sampled_from(["always", "when-unused"]),
    "cidr": st.sampled_from(["192.168.1.0/24", "2001:db8::/64", "10.0.0.0/8"]),
    "gateway": st.sampled_from([False, "192.168.1.1", "2001:db8::1"]),
    "range": st.sampled_from(["192.168.1.192/27", "2001:db8::c0:0/112"]),
    "reserved": st.lists(st.sampled_from(["192.168.1.200-203", "192.168.1.9", "2001:db8::7-2001:db8::9"]), max_size=2),
    "address": st.sampled_from(["192.168.1.223", ["2001:db8::223"], []]),
    "bcqueuelen": st.integers(1, 9),
    "proxy_ndp": st.booleans(),
    "host": st.sampled_from(["node1", "!node2", ["node1", "web-*"], ["0123456789abcdef0123456789abcdef", "node[1-3]"]]),
}


def tables(title: str, required: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Return tables with good values, of which some keys are there."""
    optional = {key: GOOD[key] for key in KEYS[title] if key not in required}
    return st.fixed_dictionaries({key: GOOD[key] for key in required}, optional=optional)


FILES = st.fixed_dictionaries(
    {
        "network": tables("[network]", ("parent",)),
        "subnet": st.lists(tables("[[subnet]]", ("cidr", "gateway")), min_size=1, max_size=2),
    },
    optional={
        "shim": tables("[shim]", ()),
        "match": tables("[match]", ("host",)),
        "host": st.dictionaries(
            st.sampled_from(["node1", "Node1", "web-*", "node 1"]), tables("[host.NAME]", ()), max_size=2
        ),
    },
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a file of which up to three things are other than they should be."""
    content: dict[str, Any] = draw(FILES)
    for _ in range(draw(st.integers(0, 3))):
        homes = [content, *(each for each in content.values() if isinstance(each, dict))]
        homes += [each for each in content.get("subnet", ()) if isinstance(each, dict)] if "subnet" in content else []
        home = draw(st.sampled_from(homes))
        key = draw(st.sampled_from([*home, "network", "subnet", "shim", "host", "gatewy", "internal", "parent"]))
        if draw(st.booleans()):
            home.pop(key, None)
        else:
            home[key] = deepcopy(draw(STRANGE))  # it may be changed itself, and the next file draws it again
        if not isinstance(content.get("subnet", []), list):
            break
    return content


@pytest.mark.soak
@examples(check=60, soak=10_000)
@given(mutated())
def test_what_the_parser_takes_the_schema_takes(content: dict[str, Any]) -> None:
    declared, _ = parse(text_of(content), Path("pub_net.toml"))
    assert declared is None or WHOLE.is_valid(content)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_the_schema_takes_each_golden_file_that_is_right(file: Path) -> None:
    import tomli

    if check([file], HERE).declarations:
        WHOLE.validate(tomli.loads(file.read_text()))


@pytest.mark.parametrize(
    ("network", "subnet", "shim"),
    [
        ({}, {"gateway": False}, None),
        ({"internal": True, "vlan": 5}, {}, None),
        ({"internal": True}, {}, {}),
        ({"internal": True}, {"gateway": "192.168.1.1"}, None),
        ({"parent": "eth0"}, {}, None),
        ({"parent": "eth0", "mode": "vepa"}, {"gateway": False}, {}),
        ({"parent": "eth0", "colour": 1}, {"gateway": False}, None),
        ({"parent": "eth0"}, {"gateway": False, "colour": 1}, None),
        ({"parent": "eth0"}, {"gateway": False}, {"colour": 1}),
        ({"parent": "eth0", "probe": False, "avoid_used": True}, {"gateway": False}, None),
        ({"parent": "eth0", "probe": False, "on_conflict": "disconnect"}, {"gateway": False}, None),
        ({"parent": "eth0", "avoid_used": True}, {"cidr": "fd00:1::/64", "gateway": False}, None),
    ],
    ids=[
        *("no parent", "a VLAN of no parent", "a shim of no parent", "internal with a gateway", "no gateway"),
        *("a shim in another mode", "unknown in network", "unknown in subnet", "unknown in shim"),
        *("used ones of a LAN that is not asked", "conflicts on it", "used ones of IPv6"),
    ],
)
def test_what_both_refuse_of_keys_together(
    network: dict[str, Any], subnet: dict[str, Any], shim: dict[str, Any] | None
) -> None:
    content = {"network": network, "subnet": [{"cidr": "192.168.1.0/24", **subnet}]}
    content |= {} if shim is None else {"shim": shim}
    declared, _ = parse(text_of(content), Path("pub_net.toml"))
    assert (declared, WHOLE.is_valid(content)) == (None, False)


@pytest.mark.parametrize(
    "tables",
    [
        {"match": {}},
        {"match": {"host": []}},
        {"match": {"host": "node1", "colour": 1}},
        {"host": {"node 1": {}}},
        {"host": {"!node1": {}}},
        {"host": {"node1": "192.168.1.0/25"}},
        {"host": {"node1": {"gateway": False}}},
    ],
    ids=["no host", "none of them", "unknown in match", "no name", "a mark", "no table", "unknown in host"],
)
def test_what_both_refuse_of_hosts(tables: dict[str, Any]) -> None:
    content = {"network": {"parent": "eth0"}, "subnet": [{"cidr": "192.168.1.0/24", "gateway": False}], **tables}
    declared, _ = parse(text_of(content), Path("pub_net.toml"))
    assert (declared, WHOLE.is_valid(content)) == (None, False)


# Each key alone

PIECES4 = st.sampled_from(["0", "1", "10", "127", "128", "192", "224", "239", "240", "255", "256", "01", "", "²", "٣"])
IPV4 = st.one_of(
    st.lists(PIECES4, min_size=3, max_size=5).map(".".join), st.integers(0, 2**32 - 1).map(lambda n: str(ip_network(n)))
).map(lambda text: text.removesuffix("/32"))
PIECES6 = st.sampled_from(["0", "00", "0000", "1", "8", "80", "800", "8000", "Ff00", "fe80", "", "", "g", "12345"])
IPV6 = st.one_of(
    st.lists(PIECES6, min_size=1, max_size=10).map(":".join),
    st.lists(PIECES6, min_size=1, max_size=8).map(lambda parts: ":".join((*parts, "192.168.1.0"))),
    st.lists(st.sampled_from(["0", "", "1"]), min_size=1, max_size=8).map(lambda parts: ":".join((*parts, "0.0.0.0"))),
    st.integers(0, 2**128 - 1).map(lambda n: str(ip_network(n)).removesuffix("/128")),
)
ADDRESSES = st.one_of(IPV4, IPV6, st.sampled_from(["fe80::1%eth0", "::1", "1.2.3.4\n", "::\n", " 1.2.3.4", "1.2.3.4 "]))


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Return networks, of which many have no host bits set."""
    most = draw(st.sampled_from([32, 128]))
    length = draw(st.integers(0, most))
    bits = draw(st.integers(0, 2**length - 1)) << (most - length)
    if most == 32:
        return f"{ip_network(bits)}".removesuffix("/32") + f"/{length}"
    groups = [
        draw(st.sampled_from([f"{bits >> at & 0xFFFF:x}", f"{bits >> at & 0xFFFF:04X}"])) for at in range(112, -16, -16)
    ]
    start = draw(st.integers(0, 8))
    zeros = next((n for n in range(start, 8) if int(groups[n], 16)), 8) - start
    kept = draw(st.integers(0, zeros))
    if kept:
        groups = [*(groups[:start] or [""]), "", *(groups[start + kept :] or [""])]
    return ":".join(groups) + f"/{length}"


ODD_NETWORKS = [
    *("0.0.0.0/0", "::/0", "128.0.0.0/1", "127.0.0.0/8", "127.0.0.1/32", "126.0.0.0/7", "1.27.0.0/16"),
    *("223.0.0.0/8", "224.0.0.0/3", "224.0.0.0/4", "224.0.0.1/32", "239.1.0.0/16", "240.0.0.0/4"),
    *(
        "ff00::/8",
        "fF02::/16",
        "fe00::/7",
        "ff::/16",
        "::1/128",
        "0:0::0001/128",
        "::0.0.0.1/128",
        "::2/128",
        "1::1/128",
    ),
]
NETWORKS = st.one_of(
    networks(),
    st.builds(
        "{}/{}".format, ADDRESSES, st.sampled_from(["0", "8", "24", "32", "33", "64", "128", "024", "", "x", "٣"])
    ),
)
SPANS = st.one_of(
    ADDRESSES,
    NETWORKS,
    st.builds("{}{}{}".format, ADDRESSES, st.sampled_from(["-", " - ", "- ", "--"]), st.one_of(ADDRESSES, PIECES4)),
)
MACS = st.lists(st.sampled_from(["00", "01", "02", "fF", "aE", "g0"]), min_size=5, max_size=7).flatmap(
    lambda parts: st.sampled_from([":".join(parts), "-".join(parts)])
)
NAMES = st.one_of(
    MACS, st.text(max_size=8), st.sampled_from(["lo", ".", "..", "eth0", "a b", "a/b", "x" * 127, "x" * 128])
)
LABELS = st.text("iomacvlndker.\n\u200b ", max_size=14)
HOSTS = st.one_of(
    st.text("ab-1.[]!^*?\n ", max_size=8),
    st.sampled_from(["node[1-3]", "node[3-1]", "n[!a-c_.]*", "n[a-9]", "[-a]", "[]a]", "[[a]", "!", "!web-?", "web\n"]),
)
WORDS = st.sampled_from(["bridge", "Bridge", "vepa", "passthru", "always", "when-unused", "bridge\n", ""])
NUMBERS = st.one_of(st.integers(), st.sampled_from([0, 1, 4094, 4095, 2**32 - 1, 2**32]))


def label_problems(value: object) -> object:
    """Read *value* as the parser reads `labels`."""
    problems: list[Any] = []
    labels_of(Table((), {"labels": value}, problems))
    if problems:
        raise RefusalError("")
    return value


def each(reader: Callable[[object], object]) -> Callable[[object], object]:
    """Read every element, or a single value."""
    return lambda value: [reader(one) for one in value] if isinstance(value, list) else reader(value)


def hosts(value: object) -> object:
    """Read `host` in [match], of which an empty array is none."""
    if value == []:
        raise RefusalError("")
    return each(admission)(value)


def strings(value: object) -> object:
    if not isinstance(value, list):
        raise RefusalError("")
    return [_span(one, None) for one in value]


READERS: dict[str, tuple[Callable[[object], object], st.SearchStrategy[Any]]] = {
    "parent": (network.link, NAMES),
    "vlan": (lambda value: number(value, least=1, most=4094), NUMBERS),
    "mode": (network._mode, WORDS),
    "promiscuous": (boolean, st.booleans()),
    "internal": (boolean, st.booleans()),
    "labels": (
        label_problems,
        st.dictionaries(st.one_of(LABELS, st.sampled_from(["io.macvland", "com.docker.x"])), LABELS),
    ),
    "parent_check": (boolean, st.booleans()),
    "probe": (boolean, st.booleans()),
    "on_conflict": (network._on_conflict, WORDS),
    "avoid_used": (boolean, st.booleans()),
    "replace": (network._replacing, WORDS),
    "cidr": (subnet._cidr, NETWORKS),
    "gateway": (lambda value: subnet._gateway(value, None, internal=False), ADDRESSES),
    "range": (lambda value: subnet._range(value, None), NETWORKS),
    "reserved": (strings, st.lists(SPANS, max_size=1)),
    "address": (each(address), st.one_of(ADDRESSES, st.lists(ADDRESSES, max_size=2))),
    "bcqueuelen": (lambda value: number(value, least=1, most=2**32 - 1), NUMBERS),
    "proxy_ndp": (boolean, st.booleans()),
}


# What is read otherwise than the key of the same name above it.
OF_A_TABLE = {
    ("[match]", "host"): (hosts, st.one_of(HOSTS, st.lists(HOSTS, max_size=2))),
    ("[host.NAME]", "range"): (each(prefix), st.one_of(NETWORKS, st.lists(NETWORKS, max_size=2))),
}


@pytest.mark.soak
@pytest.mark.parametrize(("title", "key"), [(title, key) for title, keys in VALUES.items() for key in keys])
def test_each_key_alone_takes_exactly_what_the_parser_takes(title: str, key: str) -> None:
    reader, values = OF_A_TABLE.get((title, key)) or READERS[key]
    validator = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **VALUES[title][key]})

    @examples(check=40, soak=5_000)
    @given(st.one_of(values, values, values, STRANGE))
    def same(value: object) -> None:
        try:
            reader(value)
        except RefusalError as refusal:
            if "ends before it begins" not in refusal.wrong:  # which CANNOT names
                assert not validator.is_valid(value) or unnamed(value)
        else:
            assert validator.is_valid(value)

    same()


@pytest.mark.soak
@examples(check=60, soak=10_000)
@given(HOSTS)
def test_a_table_of_a_host_has_exactly_the_names_that_the_parser_takes(name: str) -> None:
    validator = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **SCHEMA["properties"]["host"]})
    try:
        pattern(name)
    except RefusalError as refusal:
        if "ends before it begins" not in refusal.wrong:
            assert not validator.is_valid({name: {}}) or unnamed(name)
    else:
        assert validator.is_valid({name: {}})


@pytest.mark.parametrize("text", ODD_NETWORKS)
def test_a_subnet_that_no_lan_has_is_refused_as_the_parser_does(text: str) -> None:
    validator = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **VALUES["[[subnet]]"]["cidr"]})
    try:
        subnet._cidr(text)
    except RefusalError:
        assert not validator.is_valid(text)
    else:
        assert validator.is_valid(text)


def unnamed(value: object) -> bool:
    """Tell whether *value* has characters that Unicode does not name yet, or more bytes than characters."""
    text = json.dumps(value, ensure_ascii=False)
    return any(ord(character) > 127 and not character.isprintable() for character in text) or (
        len(text.encode()) > 127 + 2
    )


def test_no_character_that_prints_is_refused() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    refused = set(re.findall(SCHEMA["$defs"]["printable"]["not"]["pattern"], everything))
    assert [character for character in refused if character.isprintable()] == []
    assert {"\n", "\x7f", "\u00a0", "\u200b", "\u202e", "\ufeff"} <= refused
