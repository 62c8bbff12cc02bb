"""The addresses that a shim answers NDP for besides its own, and who may ask it for them: messages, and what they tell.

The kernel answers for such an address whoever asks, and a multicast from the wire reaches a macvlan link as those of
its siblings do: the LAN would be told two MACs for the host's address. So there is a classifier on what the shim
receives, which lets only the containers ask: classic BPF at the link's ingress (tc-bpf(8)). It goes with the link, and
no firewall takes it away when it is loaded anew.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise

from macvland.kernel import codec
from macvland.kernel.assembly import EQUAL, HALF, INSTRUCTION, OCTET, RETURN, WORD, Line, assemble
from macvland.kernel.codec import Message, attribute, attributes
from macvland.kernel.facts import AF_INET6, SEEN
from macvland.kernel.requests import PROTOCOL
from macvland.model import Address, Proxy

CLSACT, HANDLE, INGRESS = 0xFFFFFFF1, 0xFFFF0000, 0xFFFFFFF2  # TC_H_CLSACT, its handle, its ingress
PRIORITY = 77  # among other classifiers there, and with the protocol the name of ours
ETH_P_IPV6 = 0x86DD
INFO = PRIORITY << 16 | int.from_bytes(ETH_P_IPV6.to_bytes(2, "big"), "little")

# Where things stand in an Ethernet frame with a neighbour solicitation, and what they are.
SOURCE, NEXT_HEADER, TYPE, TARGET = 6, 20, 54, 62
ICMPV6, SOLICITATION = 58, 135
GO_ON, DROP = 0xFFFFFFFF, 2  # TC_ACT_UNSPEC, TC_ACT_SHOT

_OPTIONS, _OPS = codec.wanted(codec.TCA_OPTIONS), codec.wanted(codec.TCA_BPF_OPS)


def program(address: Address, macs: frozenset[str]) -> tuple[Line, ...]:
    """Return what drops the neighbour solicitations for *address*, save those in frames from *macs*."""
    first, *others = _words(address.packed)
    askers = (*sorted(macs), "stranger")
    return (
        Line(OCTET, NEXT_HEADER),
        Line(EQUAL, ICMPV6, no="other"),
        Line(OCTET, TYPE),
        Line(EQUAL, SOLICITATION, no="other"),
        Line(WORD, TARGET),
        Line(EQUAL, first, no="other"),
        Line(WORD, TARGET + 4),
        Line(EQUAL, others[0], no="other"),
        Line(WORD, TARGET + 8),
        Line(EQUAL, others[1], no="other"),
        Line(WORD, TARGET + 12),
        Line(EQUAL, others[2], yes=askers[0], no="other"),
        Line(RETURN, GO_ON, label="other"),
        *(line for mac, following in pairwise(askers) for line in _admit(mac, following)),
        Line(RETURN, DROP, label="stranger"),
    )


def _admit(mac: str, following: str) -> Iterator[Line]:
    octets = bytes.fromhex(mac.replace(":", ""))
    yield Line(WORD, SOURCE, label=mac)
    yield Line(EQUAL, int.from_bytes(octets[:4]), no=following)
    yield Line(HALF, SOURCE + 4)
    yield Line(EQUAL, int.from_bytes(octets[4:]), no=following)
    yield Line(RETURN, GO_ON)


def entries() -> Message:
    """Ask for every address that a link answers for."""
    return Message(codec.RTM_GETNEIGH, 0, codec.NDMSG.pack(AF_INET6, 0, 0, codec.NTF_PROXY, 0))


def guard(proxy: Proxy, index: int) -> tuple[Message, Message]:
    """Let only the containers of *proxy* ask for its address, in place of whoever could before."""
    queue = codec.TCMSG.pack(0, index, HANDLE, CLSACT, 0) + attribute(codec.TCA_KIND, b"clsact\0")
    code = assemble(program(proxy.address, proxy.macs or frozenset()))
    instructions = attribute(codec.TCA_BPF_OPS, code)
    options = (
        attribute(codec.TCA_BPF_FLAGS, codec.U32.pack(codec.TCA_BPF_FLAG_ACT_DIRECT))
        + attribute(codec.TCA_BPF_OPS_LEN, codec.U16.pack(len(code) // INSTRUCTION.size))
        + instructions
    )
    kind = attribute(codec.TCA_KIND, b"bpf\0")
    classifier = _classifier(proxy.address, index) + kind + attribute(codec.TCA_OPTIONS, options)
    return (
        Message(codec.RTM_NEWQDISC, codec.NLM_F_CREATE | codec.NLM_F_EXCL, queue),
        Message(codec.RTM_NEWTFILTER, codec.NLM_F_CREATE, classifier),
    )


def answer(proxy: Proxy, index: int) -> Message:
    """Let a link answer for the address of *proxy*."""
    body = _entry(proxy, index) + attribute(codec.NDA_PROTOCOL, bytes((PROTOCOL,)))
    return Message(codec.RTM_NEWNEIGH, codec.NLM_F_CREATE | codec.NLM_F_REPLACE, body)


def silence(proxy: Proxy, index: int) -> tuple[Message, Message]:
    """Let a link answer for the address of *proxy* no longer; then everybody may ask."""
    return (
        Message(codec.RTM_DELNEIGH, 0, _entry(proxy, index)),
        Message(codec.RTM_DELTFILTER, 0, _classifier(proxy.address, index)),
    )


def question(address: Address, index: int) -> Message:
    """Ask for the classifier that guards *address*."""
    return Message(codec.RTM_GETTFILTER, 0, _classifier(address, index))


@SEEN.keeps  # the same with every look
def heard(classifier: bytes, address: Address) -> frozenset[str] | None:
    """Return from whom a link hears solicitations for *address*, by its *classifier*; None if that is another one."""
    options = attributes(classifier, _OPTIONS, codec.TCMSG.size).get(codec.TCA_OPTIONS, b"")
    code = attributes(options, _OPS).get(codec.TCA_BPF_OPS, b"")
    compared = [operand for kind, _, _, operand in INSTRUCTION.iter_unpack(code) if kind == EQUAL]
    starts, ends = compared[6::2], compared[7::2]  # behind protocol, type and four words of the target
    macs = frozenset(_mac(start, end) for start, end in zip(starts, ends, strict=False))
    return macs if assemble(program(address, macs)) == code else None


def _mac(start: int, end: int) -> str:
    return (start << 16 | end & 0xFFFF).to_bytes(6).hex(":")


def _entry(proxy: Proxy, index: int) -> bytes:
    head = codec.NDMSG.pack(AF_INET6, index, codec.NUD_PERMANENT, codec.NTF_PROXY, 0)
    return head + attribute(codec.NDA_DST, proxy.address.packed)


def _classifier(address: Address, index: int) -> bytes:
    return codec.TCMSG.pack(0, index, handle(address), INGRESS, INFO)


def handle(address: Address) -> int:
    """Return the number of the classifier for *address* among those on a link."""
    return int.from_bytes(sha256(address.packed).digest()[:4]) or 1


def _words(packed: bytes) -> list[int]:
    return [int.from_bytes(packed[start : start + 4]) for start in range(0, len(packed), 4)]
