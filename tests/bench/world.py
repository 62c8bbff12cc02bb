"""Many networks for one host: each with a parent, an address to borrow, and a file."""

from ipaddress import IPv4Address, IPv4Network

from tests.lab import Host


def add_networks(host: Host, numbers: range) -> None:
    """Give *host* the parent p<number> and the file n<number>.toml for each of *numbers*."""
    batch = host.path("/run/batch")
    batch.write_text("".join(_parent(number) for number in numbers))
    host.ip("-batch", str(batch))
    for number in numbers:
        declare(host, f"n{number}", f"p{number}", cidr(number))


def declare(host: Host, name: str, parent: str, subnet: IPv4Network) -> None:
    """Drop the file of a network with a shim that borrows its parent's address."""
    host.drop(
        f"{name}.toml",
        f'[network]\nparent = "{parent}"\n[[subnet]]\ncidr = "{subnet}"\ngateway = "{subnet[-2]}"\n[shim]\n',
    )


def cidr(number: int) -> IPv4Network:
    """Return the subnet of a network; its parent has the first address of it."""
    return IPv4Network((int(IPv4Address("10.0.0.0")) + 256 * number, 24))


def _parent(number: int) -> str:
    return (
        f"link add p{number} type veth peer q{number}\n"
        f"link set p{number} addrgenmode none\n"
        f"link set q{number} addrgenmode none\n"
        f"link set q{number} up\n"
        f"link set p{number} up\n"
        f"address add {cidr(number)[1]}/24 dev p{number}\n"
    )
