"""Classic BPF, as in the kernel's Documentation/networking/filter.rst: lines with labels to what the kernel reads."""

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

INSTRUCTION = Struct("=HBBI")  # sock_filter: code, steps on if true, steps on if false, operand

OCTET, HALF, WORD = 0x30, 0x28, 0x20  # BPF_LD | BPF_ABS | BPF_B, BPF_H, BPF_W
LOAD, LOAD_X = 0x00, 0x01  # BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM
AND, EQUAL, ANY_BIT, RETURN = 0x54, 0x15, 0x45, 0x06  # BPF_ALU | BPF_AND, BPF_JMP | BPF_JEQ, | BPF_JSET, BPF_RET
TO_X, WORD_AT_X, EQUAL_X = 0x07, 0x40, 0x1D  # BPF_MISC | BPF_TAX, BPF_LD | BPF_IND | BPF_W, BPF_JMP | BPF_JEQ | BPF_X
STORE, FETCH_X = 0x02, 0x61  # BPF_ST, BPF_LDX | BPF_MEM


class Line(NamedTuple):
    """One instruction. A jump says where to go on: at a label, or with "" at the next line."""

    code: int
    operand: int
    yes: str = ""
    no: str = ""
    label: str = ""


def assemble(lines: Sequence[Line]) -> bytes:
    """Return *lines* as the kernel reads them: jumps count the instructions they skip, 255 at most, forward only."""
    places = {line.label: place for place, line in enumerate(lines) if line.label}
    return b"".join(
        INSTRUCTION.pack(line.code, *(places.get(to, here + 1) - here - 1 for to in (line.yes, line.no)), line.operand)
        for here, line in enumerate(lines)
    )
