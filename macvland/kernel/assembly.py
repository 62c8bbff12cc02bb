"""Classic BPF, as in the kernel's Documentation/networking/filter.rst: lines with labels to what the kernel reads."""

import ctypes
import socket
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import NamedTuple

SO_ATTACH_FILTER = 26
PROGRAM = Struct("@HP")  # sock_fprog: instructions, their address
MOST = 4096  # instructions, BPF_MAXINSNS

INSTRUCTION = Struct("=HBBI")  # sock_filter: code, steps on if true, steps on if false, operand

OCTET, HALF, WORD = 0x30, 0x28, 0x20  # BPF_LD | BPF_ABS | BPF_B, BPF_H, BPF_W
LOAD, LOAD_X = 0x00, 0x01  # BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM
AND, EQUAL, ANY_BIT, RETURN = 0x54, 0x15, 0x45, 0x06  # BPF_ALU | BPF_AND, BPF_JMP | BPF_JEQ, | BPF_JSET, BPF_RET
TO_X, WORD_AT_X, EQUAL_X = 0x07, 0x40, 0x1D  # BPF_MISC | BPF_TAX, BPF_LD | BPF_IND | BPF_W, BPF_JMP | BPF_JEQ | BPF_X
STORE, FETCH_X, FETCH = 0x02, 0x61, 0x60  # BPF_ST, BPF_LDX | BPF_MEM, BPF_LD | BPF_MEM
AT_LEAST, JUMP = 0x35, 0x05  # BPF_JMP | BPF_JGE, | BPF_JA
TIMES, XOR_X = 0x24, 0xAC  # BPF_ALU | BPF_MUL, | BPF_XOR | BPF_X


class Line(NamedTuple):
    """One instruction. A jump says where to go on: at a label, or with "" at the next line."""

    code: int
    operand: int
    yes: str = ""
    no: str = ""
    label: str = ""


def assemble(lines: Sequence[Line]) -> bytes:
    """Return *lines* as the kernel reads them: jumps count the instructions they skip, forward only.

    One on a condition goes 255 instructions far at most; JUMP, which goes where *yes* says, any number.
    """
    places = {line.label: place for place, line in enumerate(lines) if line.label}
    return b"".join(_instruction(line, here, places) for here, line in enumerate(lines))


def _instruction(line: Line, here: int, places: Mapping[str, int]) -> bytes:
    yes, no = (places.get(to, here + 1) - here - 1 for to in (line.yes, line.no))
    return (
        INSTRUCTION.pack(JUMP, 0, 0, yes) if line.code == JUMP else INSTRUCTION.pack(line.code, yes, no, line.operand)
    )


def attach(sock: socket.socket, lines: Sequence[Line]) -> None:
    """Let *sock* get only what the program *lines* lets through."""
    instructions = assemble(lines)
    code = ctypes.create_string_buffer(instructions, len(instructions))
    count = len(instructions) // INSTRUCTION.size
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, PROGRAM.pack(count, ctypes.addressof(code)))
