"""The log: its fields, and that nobody waits for it, neither a repair nor the exit."""

import logging
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from macvland import journal
from macvland.journal import Log, log
from tests.unit.waiting import until

pytestmark = pytest.mark.libraries


@contextmanager
def journald(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(10)
        yield listener


def fields_of(datagram: bytes) -> dict[str, str]:
    """Take apart what the native protocol put together."""
    fields = {}
    while datagram:
        name, _, rest = datagram.partition(b"\n")
        length = int.from_bytes(rest[:8], "little")
        fields[name.decode()] = rest[8 : 8 + length].decode()
        assert rest[8 + length : 9 + length] == b"\n"
        datagram = rest[9 + length :]
    return fields


@pytest.fixture
def to_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stderr counts as connected to a journald, whose socket is this."""
    monkeypatch.setattr(journal, "_stderr_is_the_journal", lambda: True)
    monkeypatch.setattr(journal, "SOCKET", str(tmp_path / "socket"))
    return tmp_path / "socket"


def test_a_record_reaches_journald_with_its_fields(to_journal: Path) -> None:
    with journald(to_journal) as listener:
        with Log():
            log(logging.WARNING, journal.STATE, "two\nlines", MACVLAND_NETWORK="pub_net")
        fields = fields_of(listener.recv(65536))
    where = {name: fields.pop(name) for name in ("CODE_FILE", "CODE_LINE")}
    assert fields == {
        "MESSAGE": "pub_net: two\nlines",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "macvland",
        "CODE_FUNC": "test_a_record_reaches_journald_with_its_fields",
        "MESSAGE_ID": journal.STATE,
        "MACVLAND_NETWORK": "pub_net",
    }
    assert where["CODE_FILE"] == __file__
    assert where["CODE_LINE"].isdecimal()


def test_a_line_says_of_which_network_it_speaks_and_a_field_may_have_several_values(to_journal: Path) -> None:
    with journald(to_journal) as listener:
        with Log():
            log(logging.INFO, journal.STATE, "ready", MACVLAND_NETWORK="pub_net", MACVLAND_CODE=("MV201", "MV303"))
        sent = listener.recv(65536)
    assert fields_of(sent)["MESSAGE"] == "pub_net: ready"
    assert [code for code in (b"MV201", b"MV303") if b"MACVLAND_CODE\n\x05\0\0\0\0\0\0\0" + code + b"\n" in sent] == [
        b"MV201",
        b"MV303",
    ]


@pytest.mark.fault("A14")
def test_a_journald_that_comes_back_is_found_again(to_journal: Path) -> None:
    with Log():
        log(logging.INFO, journal.STATE, "into the void")
        for text in ("once", "again"):
            with journald(to_journal) as listener:
                log(logging.INFO, journal.STATE, text)
                until(lambda: "MESSAGE" in fields_of(listener.recv(65536)))
            to_journal.unlink()


@pytest.mark.fault("A14")
def test_a_journald_that_hangs_stops_neither_the_daemon_nor_its_end(tmp_path: Path) -> None:
    """systemd-python's own send would stop every thread of the process, for it keeps the interpreter's lock."""
    program = f"""
        import logging
        from macvland import journal
        journal._stderr_is_the_journal = lambda: True
        journal.SOCKET = {str(tmp_path / "socket")!r}
        with journal.Log():
            for number in range(3000):
                journal.log(logging.INFO, journal.STATE, "x" * 1000)
            print("went on")
    """
    with journald(tmp_path / "socket"):
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=20, check=True
        )
    assert (ended.stdout, ended.stderr) == ("went on\n", "")


def test_a_reader_of_stderr_that_hangs_stops_neither_the_daemon_nor_its_end() -> None:
    program = """
        import logging
        from macvland import journal
        with journal.Log():
            for number in range(3000):
                journal.log(logging.INFO, journal.STATE, "x" * 1000)
            print("went on", flush=True)
    """
    read, write = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=write,
            timeout=20,
            check=False,
        )
    finally:
        os.close(write)
        os.close(read)
    assert (ended.returncode, ended.stdout) == (0, b"went on\n")


class Target:
    """Keeps what it gets, once it is let."""

    def __init__(self) -> None:
        self.open = Event()
        self.busy = Event()
        self.texts: list[str] = []

    def __call__(self, record: logging.LogRecord) -> None:
        self.busy.set()
        assert self.open.wait(10)
        self.texts.append(record.getMessage())


@pytest.mark.fault("A14")
def test_what_does_not_fit_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "QUEUE", 5)
    target = Target()
    way = Log()
    way._target = target
    with way:
        log(logging.INFO, journal.STATE, "0")
        assert target.busy.wait(10)
        for number in range(1, 11):
            log(logging.INFO, journal.STATE, str(number))
        target.open.set()
        until(lambda: len(target.texts) == 6)
        for text in ("after", "later"):
            log(logging.INFO, journal.STATE, text)
    assert target.texts == [*(str(number) for number in range(6)), "5 log records lost", "after", "later"]


def test_lines_on_stderr_name_the_network_and_what_is_out_of_the_ordinary(capfd: pytest.CaptureFixture[str]) -> None:
    with Log():
        log(logging.INFO, journal.STATE, "ready", MACVLAND_NETWORK="pub_net")
        log(logging.WARNING, journal.SURVIVED, "the disk is full, ignoring")
    assert capfd.readouterr().err == ("macvland: pub_net: ready\nmacvland: warning: the disk is full, ignoring\n")


@pytest.mark.parametrize(
    ("stream", "leads"),
    [("{device}:{inode}", True), ("{device}:1", False), ("", False), ("nonsense", False), ("1:2:3", False)],
    ids=["stderr", "another file", "unset", "nonsense", "too many numbers"],
)
def test_stderr_is_the_journal_if_systemd_says_so(
    stream: str, *, leads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "stream").open("w") as file:
        status = os.fstat(file.fileno())
        monkeypatch.setattr(journal, "STDERR", file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", stream.format(device=status.st_dev, inode=status.st_ino))
        assert journal._stderr_is_the_journal() is leads
