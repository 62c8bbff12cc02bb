"""`macvlanctl check --fleet`: that no two hosts can hand out the same address, held against counting them all."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_network
from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from macvland import cli
from macvland.config import Declaration, check, population
from macvland.config.fleet import Fleet, fleet
from macvland.config.host import is_exact
from macvland.model import Machine
from tests.soak import examples

PROJECT = Path(__file__).parents[2]
Output = pytest.CaptureFixture[str]

ID = "0123456789abcdef0123456789abcdef"


def network(cidr: str = "10.0.0.0/24", extra: str = "", *, gateway: str = '"10.0.0.1"', vlan: int | None = None) -> str:
    tag = "" if vlan is None else f"vlan = {vlan}\n"
    return f'[network]\nparent = "eth0"\n{tag}[[subnet]]\ncidr = "{cidr}"\ngateway = {gateway}\n{extra}\n'


def match(*hosts: str) -> str:
    return f"[match]\nhost = {json.dumps(hosts)}\n"


def host(name: str, pool: str = "", address: str = "") -> str:
    return (
        f'[host."{name}"]\n' + (f'range = "{pool}"\n' if pool else "") + (f'address = "{address}"\n' if address else "")
    )


def found_in(directory: Path, **files: str) -> Fleet:
    for name, text in files.items():
        (directory / f"{name}.toml").write_text(text)
    return fleet(directory)


def told(found: Fleet) -> list[tuple[str, str, str]]:
    return [(it.error.key, it.error.wrong, it.error.right) for it in found.findings]


RANGES = host("node1", "10.0.0.32/28") + host("node2", "10.0.0.48/28")
NAMED = match("node1", "node2")


# What is no clash

APART = {
    "ranges of their own": {"a": network() + NAMED + RANGES},
    "a file for each": {"a": network() + match("node1"), "b": network("10.0.1.0/24", gateway="false") + match("node2")},
    "one host alone": {"a": network() + match("node1")},
    "one machine-id alone": {"a": network() + match(ID)},
    "no LAN": {"a": '[network]\ninternal = true\n[[subnet]]\ncidr = "10.0.0.0/24"\n'},
    "VLANs by number": {
        "a": network(vlan=5) + match("node1"),
        "b": network(vlan=6) + match("node2"),
    },
    "VLANs by a parent's name": {
        "a": network().replace("eth0", "eth0.5") + match("node1"),
        "b": network(vlan=6) + match("node2"),
    },
    "what one has not, the other has reserved": {
        "a": network(extra='reserved = ["10.0.0.32/28"]') + match("node1"),
        "b": network(extra='range = "10.0.0.32/28"') + match("node2"),
    },
    "shims outside of ranges": {
        "a": network(extra="[shim]")
        + NAMED
        + host("node1", "10.0.0.32/28", "10.0.0.2")
        + host("node2", "10.0.0.48/28", "10.0.0.3")
    },
    "every name that a pattern means": {"a": network() + match("node[12]") + RANGES},
    "of a class but one": {"a": network() + match("node[1-3]", "!node[12]")},
    "IPv6": {
        "a": network("2001:db8::/64", gateway="false")
        + NAMED
        + host("node1", "2001:db8::/65")
        + host("node2", "2001:db8:0:0:8000::/65")
    },
}


@pytest.mark.parametrize("files", APART.values(), ids=APART)
def test_hosts_that_have_no_address_in_common(tmp_path: Path, files: dict[str, str]) -> None:
    found = found_in(tmp_path, **files)
    assert (found.errors, told(found)) == ((), [])


# What is one

CLASHES = {
    "no ranges": (
        {"a": network() + NAMED},
        (
            "subnet[1].cidr: 'node1' and 'node2' can both hand out 10.0.0.2; "
            'write a `range` in [host."node1"] and [host."node2"], with no address in common'
        ),
    ),
    "three of them": (
        {"a": network() + match("node1", "node2", "node3")},
        (
            "subnet[1].cidr: 'node1' and 'node2' can both hand out 10.0.0.2, as with 2 more pairs of hosts; "
            'write a `range` in [host."node1"] and [host."node2"], with no address in common'
        ),
    ),
    "nobody is named": (
        {"a": network()},
        (
            "subnet[1].cidr: two hosts that no file names can both hand out 10.0.0.2; "
            "name the hosts in [match], and write a `range` in [host.NAME], with no address in common"
        ),
    ),
    "the same range for all of a pattern": (
        {"a": network() + match("web-*") + host("web-*", "10.0.0.32/28")},
        (
            "host.\"web-*\".range: two hosts like 'web-*' can both hand out 10.0.0.32; "
            "name the hosts in [match], and write a `range` in [host.NAME], with no address in common"
        ),
    ),
    "a name that was forgotten": (
        {"a": network() + match("node[12]") + host("node1", "10.0.0.32/28")},
        (
            "subnet[1].cidr: a host like 'node[12]' can hand out 10.0.0.32, and so can 'node1' (host.node1.range); "
            "name the hosts in [match], and write a `range` in [host.NAME], with no address in common"
        ),
    ),
    "what is for all meets what each has": (
        {"a": network() + RANGES},
        (
            "subnet[1].cidr: a host that no file names can hand out 10.0.0.32, and so can 'node1' (host.node1.range), "
            "as with 2 more pairs of hosts; "
            "name the hosts in [match], and write a `range` in [host.NAME], with no address in common"
        ),
    ),
    "ranges of two files": (
        {
            "a": network() + match("node1") + host("node1", "10.0.0.32/27"),
            "b": network(gateway="false") + match("node2") + host("node2", "10.0.0.48/28"),
        },
        (
            "host.node2.range: 'node2' can hand out 10.0.0.48, and so can 'node1' (host.node1.range of 'DIR/a.toml'); "
            'write a `range` in [host."node1"] and [host."node2"], with no address in common'
        ),
    ),
    "a shim that another hands out": (
        {"a": network(extra="[shim]") + NAMED + RANGES + 'address = "10.0.0.33"\n'},
        (
            "host.node2.address: 10.0.0.33, the shim's on 'node2', can be handed out by 'node1' (host.node1.range); "
            "write it into `reserved`, or an address outside of all ranges"
        ),
    ),
    "one address for the shims of all": (
        {"a": network(extra='[shim]\naddress = "10.0.0.9"') + NAMED + RANGES},
        (
            "shim.address: 10.0.0.9 is the shim's on 'node1' and 'node2'; "
            'write an `address` in [host."node1"] and [host."node2"]'
        ),
    ),
    "a gateway that another hands out": (
        {
            "a": network(extra='range = "10.0.0.32/28"') + match("node1"),
            "b": network(gateway="false", extra='range = "10.0.0.0/28"') + match("node2"),
        },
        (
            "subnet[1].range: 'node2' can hand out 10.0.0.1, which is the gateway of 'node1' "
            "(subnet[1].gateway of 'DIR/a.toml'); write it into `reserved`"
        ),
    ),
    "a gateway that another shim has": (
        {
            "a": network(extra='range = "10.0.0.32/28"') + match("node1"),
            "b": network(gateway="false", extra='range = "10.0.0.64/28"\n[shim]\naddress = "10.0.0.1"')
            + match("node2"),
        },
        (
            "shim.address: 10.0.0.1, the shim's on 'node2', is the gateway of 'node1' "
            "(subnet[1].gateway of 'DIR/a.toml'); write an address that nothing else has"
        ),
    ),
    "subnets of another size": (
        {
            "a": network() + match("node1"),
            "b": network("10.0.0.0/8", gateway='"10.0.0.1"', extra='range = "10.0.0.64/26"') + match("node2"),
        },
        (
            "subnet[1].range: 'node2' can hand out 10.0.0.64, and so can 'node1' (subnet[1].cidr of 'DIR/a.toml'); "
            'write a `range` in [host."node1"] and [host."node2"], with no address in common'
        ),
    ),
    "one VLAN, the other unknown": (
        {"a": network(vlan=5) + match("node1"), "b": network() + match("node2")},
        (
            "subnet[1].cidr: 'node2' can hand out 10.0.0.2, and so can 'node1' (subnet[1].cidr of 'DIR/a.toml'); "
            'write a `range` in [host."node1"] and [host."node2"], with no address in common'
        ),
    ),
    "a name and a machine-id": (
        {"a": network() + match("node1", ID) + host("node1", "10.0.0.32/28") + host(ID, "10.0.0.32/29")},
        (
            f"host.node1.range: 'node1' can hand out 10.0.0.32, and so can '{ID}' (host.{ID}.range); "
            f'write a `range` in [host."{ID}"] and [host."node1"], with no address in common'
        ),
    ),
}


@pytest.mark.parametrize(("files", "expected"), CLASHES.values(), ids=CLASHES)
def test_hosts_that_have_an_address_in_common(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    found = found_in(tmp_path, **files)
    assert found.errors == ()
    shown = [f"{key}: {wrong}; {right}".replace(str(tmp_path), "DIR") for key, wrong, right in told(found)]
    assert shown == [expected]


def test_what_overlaps_on_one_host_is_an_error_that_names_it(tmp_path: Path) -> None:
    a, b = (network(gateway="false", extra=f'range = "10.0.0.{first}/28"') for first in (0, 16))
    found = found_in(
        tmp_path, a=a + match("node1", "node2"), b=b + match("node1", "node3") + host("node1", "10.0.0.0/28")
    )
    (error,) = found.errors
    assert (error.key, error.wrong) == (
        "host.node1.range",
        f"10.0.0.0/28 overlaps 10.0.0.0/28 of '{tmp_path}/a.toml' (on 'node1')",
    )


def test_patterns_that_cross_each_other_too_often_are_told(tmp_path: Path) -> None:
    found = found_in(tmp_path, a=network() + match(*(f"*{letter}*" for letter in "abcdefghijklmn")))
    assert [error.wrong for error in found.errors] == [
        "the patterns of hosts in these files cross each other in too many ways"
    ]


# The verb


def test_the_verb_says_so_and_ends_with_0(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "a.toml").write_text(network() + NAMED + RANGES)
    (tmp_path / "README").write_text("no file of ours")
    assert cli.main(["check", "--fleet", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("1 network(s), 2 host(s) by name, no two with the same address\n", "")


def test_the_verb_ends_with_2_and_points_at_the_value(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "a.toml").write_text(network() + NAMED)
    assert cli.main(["check", "--fleet", str(tmp_path)]) == 2
    first, *excerpt = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{tmp_path}/a.toml:4: subnet[1].cidr: 'node1' and 'node2' can both hand out 10.0.0.2")
    assert excerpt == ['  cidr = "10.0.0.0/24"', "         ^^^^^^^^^^^^^"]


def test_the_verb_tells_programs_which_hosts_and_an_address(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "a.toml").write_text(network() + NAMED)
    (tmp_path / "b.toml").write_text("")
    assert cli.main(["check", "--json", "--fleet", str(tmp_path)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["hosts"], said["networks"], [error["wrong"] for error in said["errors"]]) == (
        ["node1", "node2"],
        ["a"],
        ["is empty"],
    )
    (finding,) = said["findings"]
    assert (finding["line"], finding["hosts"], finding["address"]) == (4, ["'node1'", "'node2'"], "10.0.0.2")


def test_the_verb_takes_one_directory_that_can_be_read(tmp_path: Path, capsys: Output) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    (empty / "pub_net.tom").write_text(network())
    assert cli.main(["check", "--fleet", str(missing)]) == 1
    assert cli.main(["check", "--fleet", str(empty)]) == 1
    assert cli.main(["check", "--host", "node*"]) == 1
    assert cli.main(["check", "--fleet", str(tmp_path), "a.toml"]) == 1
    assert capsys.readouterr().err == (
        f"macvlanctl: {missing} cannot be read: No such file or directory\n"
        f"{empty}: no file of a network is in this directory; "
        "name the one that holds the files of the fleet, each *.toml, itself\n"
        "macvlanctl: --host takes the name or the machine-id of one host, and 'node*' is a pattern\n"
        "macvlanctl: --fleet takes a directory, which holds all files of the fleet; leave out the others\n"
    )


# Held against counting


GLOBS = st.lists(
    st.one_of(st.text("ab*?", min_size=1, max_size=3), st.sampled_from(["[ab]", "[!a]b", "a[ab]*"])), max_size=4
)


@pytest.mark.soak
@examples(check=40, soak=5_000)
@given(GLOBS)
@example(["a", "b", "[ab]"])
@example(["a" * 4, "a*"])  # no hostname is as long as the first
def test_the_hosts_that_patterns_tell_apart_are_those_that_there_are(patterns: list[str]) -> None:
    names = ["".join(letters) for length in (1, 2, 3) for letters in product("ab", repeat=length)]
    meant = [frozenset(one for one in patterns if fnmatchcase(name, one)) for name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(population, "ALPHABET", "ab")
        patch.setattr(population, "LONGEST", 3)
        found = population.population(patterns)
    found = tuple(hosts for hosts in found if len(hosts.name) <= 3)
    assert Counter(hosts.named for hosts in found) == Counter(set(meant))
    for hosts in found:
        assert hosts.namesakes == (meant.count(hosts.named) > 1)
        assert bool(hosts.name) == any(is_exact(one) for one in hosts.named)


NAMES = ["n1", "n2", "n3", "n4", "web-1", "web-2", "x", "y"]  # of each kind that PATTERNS tell apart two at least
PATTERNS = ["n1", "n2", "n[12]", "web-*", "!n1", "!web-*"]


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return a file with some of all that the proof has to weigh."""
    cidr = ip_network(draw(st.sampled_from(["10.0.0.0/28", "10.0.0.0/28", "10.0.0.0/29", "10.0.0.8/29"])))
    gateway, *singles = map(str, cidr.hosts())
    pools = [str(pool) for length in (29, 30, 30, 31) for pool in cidr.subnets(new_prefix=length)]
    single, pool = st.sampled_from(singles), st.sampled_from(pools)
    extra = f'range = "{draw(pool)}"\n' if draw(st.booleans()) else ""
    extra += f"reserved = {json.dumps(draw(st.lists(single, max_size=2, unique=True)))}\n"
    shim = draw(st.booleans())
    extra += "[shim]\n" if shim else ""
    vlan, default = draw(st.sampled_from([None, None, 5, 6])), draw(st.booleans())
    text = network(str(cidr), extra, gateway=f'"{gateway}"' if default else "false", vlan=vlan)
    patterns = draw(st.lists(st.sampled_from(PATTERNS), max_size=3))
    text += match(*patterns) if patterns else ""
    for name in draw(st.lists(st.sampled_from(["n1", "n2", "web-*", "n?"]), unique=True, max_size=3)):
        text += host(name, draw(pool), draw(single) if shim and draw(st.booleans()) else "")
    return text


def handed_out(declarations: Iterable[Declaration]) -> Iterator[tuple[int | None, str]]:
    """Yield, address by address, what a host with these networks can hand out, with the VLAN."""
    every = list(declarations)
    for one in every:
        for subnet in one.subnets:
            ends = {subnet.cidr[0], subnet.cidr[-1]}
            for address in subnet.range or subnet.cidr:
                used = [it for other in every for it in other.subnets if it.cidr == subnet.cidr]
                gone = any(address == it.gateway or address in it.reserved for it in used)
                shims = [other.shim.addresses for other in every if other.shim]
                if not gone and address not in ends and not any(address in it for it in shims):
                    yield one.vlan, str(address)


def shims_of(declarations: Iterable[Declaration]) -> Iterator[tuple[int | None, str]]:
    return ((one.vlan, str(address)) for one in declarations if one.shim for address in one.shim.addresses)


def gateways_of(declarations: Iterable[Declaration]) -> Iterator[tuple[int | None, str]]:
    return ((one.vlan, str(it.gateway)) for one in declarations for it in one.subnets if it.gateway)


def meet(these: Iterable[tuple[int | None, str]], those: Iterable[tuple[int | None, str]]) -> bool:
    """Tell whether an address is in both, on VLANs that may be the same."""
    return any(a == b and (None in (v, w) or v == w) for (v, a), (w, b) in product(list(these), list(those)))


def clash(one: list[Declaration], other: list[Declaration]) -> bool:
    """Tell whether two hosts with these networks have an address in common that they must not."""
    return (
        meet(handed_out(one), (*handed_out(other), *shims_of(other), *gateways_of(other)))
        or meet(handed_out(other), (*shims_of(one), *gateways_of(one)))
        or meet(shims_of(one), (*shims_of(other), *gateways_of(other)))
        or meet(shims_of(other), gateways_of(one))
    )


@pytest.mark.soak
@examples(check=60, soak=10_000)
@given(files(), files())
def test_there_is_a_finding_where_and_only_where_counting_finds_two_hosts_with_one_address(a: str, b: str) -> None:
    with TemporaryDirectory() as directory:
        found = found_in(Path(directory), a=a, b=b)
        given_files = sorted(Path(directory).iterdir())
        read = [list(check(given_files, Machine(hostname=name, id="")).declarations) for name in NAMES]
    assert bool(found.findings) == any(clash(one, other) for one, other in combinations(read, 2))


# The documentation


def test_the_documented_files_are_without_a_clash_and_the_documented_clash_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    section = (PROJECT / "docs/macvlan.d.md").read_text().partition("\n## Several hosts on one LAN\n")[2]
    example, shown = section.split("```")[1].removeprefix("toml\n"), section.split("```")[3].removeprefix("\n")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pub_net.toml"
    file.write_text(example)
    assert cli.main(["check", "--fleet", "."]) == 0
    file.write_text(example.replace("192.168.1.160/27", "192.168.1.144/28"))
    assert cli.main(["check", "--fleet", "."]) == 2
    assert capsys.readouterr().err == shown
