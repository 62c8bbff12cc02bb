"""What a good file means, and that no text whatever gets out of `parse` but as a Declaration or as errors."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from macvland.config import Declaration, ShimDeclaration, parse
from macvland.config.reading import parsed
from macvland.model import Mode, Subnet
from tests.soak import examples

pytestmark = pytest.mark.libraries

FILE = Path("/etc/macvlan.d/pub_net.toml")
ROOT = Path(__file__).parents[2]
WHOLE = (ROOT / "tests/golden/config/good/everything.toml").read_bytes()
NETWORK = '[network]\nparent = "eth0"\n'
SUBNET = '\n[[subnet]]\ncidr = "192.168.1.0/24"\ngateway = "192.168.1.1"\n'


def declared(text: str) -> Declaration:
    declaration, errors = parse(text.encode(), FILE)
    assert errors == ()
    assert declaration is not None
    return declaration


def test_all_keys_reach_the_declaration() -> None:
    declaration, errors = parse(WHOLE, FILE)
    assert errors == ()
    assert declaration == Declaration(
        name="pub_net",
        file=FILE,
        parent="02:42:ac:11:00:02",
        mode=Mode.BRIDGE,
        promiscuous=True,
        internal=False,
        vlan=4094,
        parent_check=False,
        labels=frozenset({("team", "press"), ("com.example.floor", "")}),
        subnets=(
            Subnet(
                cidr=IPv4Network("192.168.1.0/24"),
                gateway=IPv4Address("192.168.1.1"),
                range=IPv4Network("192.168.1.192/27"),
                reserved=frozenset(
                    IPv4Address(f"192.168.1.{last}") for last in (*range(200, 206), *range(208, 212), 223)
                ),
            ),
            Subnet(cidr=IPv6Network("2001:db8:2::/64")),
        ),
        shim=ShimDeclaration(
            addresses=frozenset({IPv4Address("192.168.1.223"), IPv6Address("2001:db8:2::223")}),
            bcqueuelen=5000,
            proxy_ndp=False,
        ),
    )


def test_defaults_are_a_bridge_without_a_shim() -> None:
    assert declared(NETWORK + SUBNET) == Declaration(
        name="pub_net",
        file=FILE,
        parent="eth0",
        subnets=(Subnet(cidr=IPv4Network("192.168.1.0/24"), gateway=IPv4Address("192.168.1.1")),),
    )


@pytest.mark.parametrize(
    "parent", ["auto", "eth0", "br0", "eth0.50", "enp0s31f6", "an-altname-longer-than-fifteen-bytes", "wän0"]
)
def test_a_parent_stays_as_written(parent: str) -> None:
    assert declared(f'[network]\nparent = "{parent}"\n{SUBNET}').parent == parent


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_is_taken(mode: Mode) -> None:
    assert declared(f'{NETWORK}mode = "{mode}"\n{SUBNET}').mode is mode


@pytest.mark.parametrize("text", ["", "address = []", "address = [ ]"])
def test_a_shim_needs_no_address(text: str) -> None:
    assert declared(f"{NETWORK}{SUBNET}\n[shim]\n{text}\n").shim == ShimDeclaration()


def test_a_shim_has_one_address_in_each_subnet() -> None:
    second = '[[subnet]]\ncidr = "10.0.0.0/8"\ngateway = false\n'
    shim = declared(f'{NETWORK}{SUBNET}{second}[shim]\naddress = ["10.0.0.9", "192.168.1.9"]\n').shim
    assert shim == ShimDeclaration(addresses=frozenset({IPv4Address("10.0.0.9"), IPv4Address("192.168.1.9")}))


@pytest.mark.parametrize(
    ("reserved", "lasts"),
    [
        ('"192.168.1.210"', {210}),
        ('"192.168.1.200-192.168.1.203"', {200, 201, 202, 203}),
        ('"192.168.1.200-203"', {200, 201, 202, 203}),
        ('"192.168.1.200 - 203"', {200, 201, 202, 203}),
        ('"192.168.1.200-200"', {200}),
        ('"192.168.1.200/30"', {200, 201, 202, 203}),
        ('"192.168.1.252/30"', {252, 253, 254}),
        ('"192.168.1.255"', set()),
    ],
)
def test_reserved_addresses_are_expanded_but_for_those_that_docker_never_gives(reserved: str, lasts: set[int]) -> None:
    (subnet,) = declared(f"{NETWORK}{SUBNET}reserved = [{reserved}]\n").subnets
    assert subnet.reserved == {IPv4Address(f"192.168.1.{last}") for last in lasts}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('cidr = "192.168.1.0/31"\ngateway = "192.168.1.0"', id="a /31 has no broadcast address"),
        pytest.param('cidr = "192.168.1.1/32"\ngateway = false', id="one address"),
        pytest.param('cidr = "192.168.1.0/30"\ngateway = "192.168.1.1"', id="one address beside the gateway"),
        pytest.param('cidr = "fe80::/64"\ngateway = "fe80::1"', id="a link-local subnet"),
        pytest.param('cidr = "10.0.0.0/8"\ngateway = false\nreserved = ["10.1.0.0/22"]', id="1024 reserved"),
        pytest.param('cidr = "10.0.0.0/8"\ngateway = false\nrange = "10.0.0.0/8"', id="the whole subnet as range"),
    ],
)
def test_the_last_that_is_possible_is_taken(lines: str) -> None:
    assert len(declared(f"{NETWORK}\n[[subnet]]\n{lines}\n").subnets) == 1


@pytest.mark.fault("E62")
def test_a_file_cut_anywhere_is_errors_or_a_declaration() -> None:
    for length in range(len(WHOLE)):
        declaration, errors = parse(WHOLE[:length], FILE)
        assert (declaration is None) == bool(errors)
        assert all(str(error).isprintable() and error.line <= WHOLE.count(b"\n") for error in errors)


# Pieces rather than characters: else nothing gets past the TOML parser.
PIECES = st.sampled_from(
    [
        *(
            "[network]\n",
            "[[subnet]]\n",
            "[subnet]\n",
            "[shim]\n",
            "[[shim]]\n",
            "[network.labels]\n",
            "\n",
            "[",
            "]",
            "{",
            "}",
            ",",
        ),
        *(
            "parent = ",
            "mode = ",
            "internal = ",
            "labels = ",
            "cidr = ",
            "gateway = ",
            "range = ",
            "reserved = ",
            "address = ",
        ),
        *(
            '"eth0"\n',
            '"10.0.0.0/8"\n',
            '"10.0.0.1"\n',
            '"::/0"\n',
            '"fe80::1%x/64"\n',
            '"::ffff:10.0.0.1"\n',
            '["10.0.0.9-12"]\n',
        ),
        *(
            "true\n",
            "false\n",
            "nan\n",
            "-1\n",
            '["::-::9"]\n',
            '""\n',
            '"-"\n',
            '"/"\n',
            '"\\u0000"\n',
            "x",
            "\r",
            "\x1b",
            "\u202e",
        ),
    ]
)


@pytest.mark.soak
@settings(examples(check=60, soak=10_000), deadline=10_000)  # ms: a hang is a failure, a loaded machine is none
@given(st.lists(PIECES, max_size=25).map("".join).map(str.encode) | st.binary(max_size=40))
@example(b"[network]\nparent=" + b"[" * 60000)
@example(b"a=" + b"{b=" * 20000)
@example(b"a." * 30000 + b"a=1")
@example(b"[" + b"a." * 30000 + b"a]")
@example(b'["a"' + b' . "a"' * 10000 + b"]")
@example(b"a=" + b"9" * 60000)
@example(b'"' * 60000)
@example(b"a=[" + b'"",' * 20000 + b"]")
@example(b"[network]\n" + b"[[subnet]]\n" * 5000)
@example(b"[[subnet]]\ncidr = '10.0.0.0/8'\nreserved = [" + b"'10.0.0.9'," * 4000 + b"]")
@example(b"a=0x" + b"f" * 60000)
@example(b"a=1e" + b"9" * 60000)
@example(b"a=9999-99-99")
@example(b"a=2024-01-01T00:00:00+99:99")
@pytest.mark.fault("E69")
def test_whatever_the_bytes_are_they_are_errors_that_print_or_a_declaration(text: bytes) -> None:
    declaration, errors = parse(text, FILE)
    assert (declaration is None) == bool(errors)
    assert all(str(error).isprintable() for error in errors)


def test_an_unchanged_text_is_not_parsed_again() -> None:
    text = (NETWORK + SUBNET).encode()
    (first,), _ = parsed(((FILE, text),))
    (again,), _ = parsed(((Path(str(FILE)), bytes(bytearray(text))),))
    assert again is first
    (changed,), _ = parsed(((FILE, text + b"\n"),))
    assert changed is not first


def test_the_example_is_right_once_its_comments_are_taken_away() -> None:
    lines = (ROOT / "etc/macvlan.d/example.toml.disabled").read_text().splitlines()
    uncommented = [
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line for line in lines
    ]
    assert declared("\n".join(uncommented)).shim is not None


def documented() -> list[str]:
    """The examples of the reference: what stands in its ```toml fences."""
    page = (ROOT / "docs/macvlan.d.md").read_text()
    return [part.split("```")[0] for part in page.split("```toml\n")[1:]]


@pytest.mark.parametrize("text", documented())
def test_the_examples_of_the_reference_are_right(text: str) -> None:
    assert declared(text).name == "pub_net"
