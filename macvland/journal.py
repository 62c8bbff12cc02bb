"""Where log records go: to journald with fields, where stderr is the journal; readable lines on stderr elsewhere.

Refuses to wait: records pass through a bounded queue, so that a journald that hangs costs log lines, never a repair.
"""

import logging
import logging.handlers
import os
import queue
import sys
from contextlib import suppress
from threading import Thread

from systemd.journal import JournalHandler, send

LOGGER = logging.getLogger("macvland")
QUEUE = 1000  # records; beyond, they are dropped and counted
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
DIED = "f8241c155c694bc683341c29ec1f90b0"


class _Queue(logging.handlers.QueueHandler):
    """Hands records to the thread that writes; where that one hangs, counts what is lost."""

    lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1
            return
        if self.lost:
            lost, self.lost = self.lost, 0
            self.handle(LOGGER.makeRecord(LOGGER.name, logging.WARNING, "", 0, f"{lost} log records lost", (), None))


class _Journal(logging.Handler):
    """Sends a record with its fields to journald."""

    def emit(self, record: logging.LogRecord) -> None:
        send(
            record.getMessage(),
            PRIORITY=JournalHandler.map_priority(record.levelno),
            SYSLOG_IDENTIFIER="macvland",
            CODE_FILE=record.pathname,
            CODE_LINE=record.lineno,
            CODE_FUNC=record.funcName,
            **getattr(record, "fields", {}),
        )


class _Lines(logging.Formatter):
    """One line a record; a level is only named where it is not the ordinary one."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        network = getattr(record, "fields", {}).get("MACVLAND_NETWORK")
        return f"macvland: {level}{f'{network}: ' if network else ''}{record.getMessage()}"


def log(level: int, message_id: str, text: str, **fields: str) -> None:
    """Log *text* (ready to print) under its MESSAGE_ID; *fields* become journal fields, MACVLAND_NETWORK= and so on."""
    LOGGER.log(level, "%s", text, extra={"fields": {"MESSAGE_ID": message_id, **fields}}, stacklevel=2)


class Log:
    """The way from `log` to the journal or to stderr, while the `with` block lasts."""

    def __init__(self) -> None:
        """Find out where stderr leads."""
        self._target: logging.Handler = _Journal() if _stderr_is_the_journal() else logging.StreamHandler(sys.stderr)
        self._target.setFormatter(_Lines())
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
            self._target.handle(record)


def _stderr_is_the_journal() -> bool:
    """Tell whether systemd connected stderr to journald (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        device, inode = map(int, os.environ.get("JOURNAL_STREAM", "").split(":"))
        stderr = os.fstat(sys.stderr.fileno())
    except (ValueError, OSError):
        return False
    return (stderr.st_dev, stderr.st_ino) == (device, inode)
