"""Where log records go: to journald with fields, where stderr is the journal; readable lines on stderr elsewhere.

Refuses to wait: records pass through a bounded queue, so that a journald that hangs costs log lines, never a repair.
"""

import logging
import logging.handlers
import os
import queue
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from systemd.journal import JournalHandler

LOGGER = logging.getLogger("macvland")
QUEUE = 1000  # records; beyond, they are dropped and counted
STDERR = 2  # not sys.stderr: at exit, Python waits for the lock of a stream that hangs, and aborts
SOCKET = "/run/systemd/journal/socket"
GOODBYE = 1.0  # seconds that the last records may take at the end

# One for each kind of record, never to change: `journalctl MESSAGE_ID=…`, and the keys of a message catalog.
STARTED = "98acaaa042eb444099d30b470911bbee"
STOPPED = "2e9de250a98f4b6488302872f8aa7d38"
CHANGED = "e828b1c0f32744fb87076903ef18732e"  # MACVLAND_ACTION= says what was done
STATE = "ea0d69230af34a2995399bfc5bcba8f1"  # MACVLAND_STATE= is what a network came into
CONFIG_ERROR = "23609ee4620d4c2393412ffa71fa3994"
CONFIG_FIXED = "6922c10ccdd14e4db5bc25663f8fddd1"
ENGINE = "6b37568612954342ba12dc752dcc6c79"  # Docker came or went
SURVIVED = "51b951b1b2814c578dcb7bdd1e82110b"  # macvland works round something of its own surroundings
DISPUTED = "cc3af85cd38d41c2916fbb08b5eb18f9"  # the LAN does not agree with a network that is in place
DIED = "f8241c155c694bc683341c29ec1f90b0"


class _Queue(logging.handlers.QueueHandler):
    """Hands records to the thread that writes; where that one hangs, counts what is lost."""

    lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            if self.lost:
                text = f"{self.lost} log records lost"
                self.queue.put_nowait(LOGGER.makeRecord(LOGGER.name, logging.WARNING, "", 0, text, (), None))
                self.lost = 0
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1


# What writes is a function and no logging.Handler: at exit, logging waits for the lock of a handler that hangs.
Target = Callable[[logging.LogRecord], None]


def _to_journal(record: logging.LogRecord) -> None:
    """Send a record with its fields to journald, by systemd.io/JOURNAL_NATIVE_PROTOCOL.

    Not by systemd-python's send (235): it keeps the interpreter's lock while it waits, so that a journald that hangs
    would stop every thread as soon as its socket is full, which takes ten records.
    """
    fields = {
        "MESSAGE": _message(record),
        "PRIORITY": str(JournalHandler.map_priority(record.levelno)),
        "SYSLOG_IDENTIFIER": "macvland",
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
        **getattr(record, "fields", {}),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:  # a new one finds a journald that was restarted
        texts = ((name, text) for name, value in fields.items() for text in _texts(value))
        sender.sendto(b"".join(_field(name, text) for name, text in texts), SOCKET)


def _message(record: logging.LogRecord) -> str:
    """Return what the line says, and first of which network it speaks."""
    network = getattr(record, "fields", {}).get("MACVLAND_NETWORK")
    return f"{network}: {record.getMessage()}" if network else record.getMessage()


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts of a field, which the journal takes as often as it has any."""
    return (value,) if isinstance(value, str) else value


def _field(name: str, text: str) -> bytes:
    """Return a field with its length, which lets it have newlines."""
    value = text.encode(errors="surrogateescape")
    return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)


def _to_stderr(record: logging.LogRecord) -> None:
    """Write a record as one line; its level is only named where it is not the ordinary one."""
    level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
    line = f"macvland: {level}{_message(record)}\n"
    os.write(STDERR, line.encode(errors="replace"))


def log(level: int, message_id: str, text: str, **fields: str | tuple[str, ...]) -> None:
    """Log *text* (ready to print) under its MESSAGE_ID; *fields* become journal fields, MACVLAND_NETWORK= and so on.

    The line says of which network it speaks by itself. A field with several values is told as often.
    """
    LOGGER.log(level, "%s", text, extra={"fields": {"MESSAGE_ID": message_id, **fields}}, stacklevel=2)


class Log:
    """The way from `log` to the journal or to stderr, while the `with` block lasts."""

    def __init__(self) -> None:
        """Find out where stderr leads."""
        self._target: Target = _to_journal if _stderr_is_the_journal() else _to_stderr
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUE)
        self._handler = _Queue(self._records)
        self._thread = Thread(target=self._write, name="log", daemon=True)

    def __enter__(self) -> None:
        """Begin to write."""
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
        LOGGER.addHandler(self._handler)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """Write what is left, as long as it takes no more than a moment."""
        LOGGER.removeHandler(self._handler)
        with suppress(queue.Full):
            self._records.put_nowait(None)
        self._thread.join(GOODBYE)

    def _write(self) -> None:
        for record in iter(self._records.get, None):
            with suppress(OSError):  # it is not there, or does not take this: there is nobody to tell
                self._target(record)


def _stderr_is_the_journal() -> bool:
    """Tell whether systemd connected stderr to journald (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        device, inode = map(int, os.environ.get("JOURNAL_STREAM", "").split(":"))
        stderr = os.fstat(STDERR)
    except (ValueError, OSError):
        return False
    return (stderr.st_dev, stderr.st_ino) == (device, inode)
