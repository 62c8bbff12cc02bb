"""What `macvlanctl status` shows: tables of a width, one network in full, and all of it live."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from macvland import cli, journal
from macvland.cli.status import history as past
from macvland.cli.status.detail import Subject, away, detail
from macvland.cli.status.history import History, Record
from macvland.cli.status.overview import overview
from macvland.cli.text.cells import width
from macvland.cli.text.layout import filled
from macvland.cli.text.terminal import coloured, plain
from macvland.status import AttachmentStatus, State, Status, read, write
from tests.conditions import because, wrong
from tests.unit.test_status import FINE, READY

pytestmark = pytest.mark.libraries

Output = pytest.CaptureFixture[str]

MINE = replace(FINE, pid=os.getpid())
WEB, DATABASE, MAIL = (
    AttachmentStatus(container=name, addresses=addresses, mac=f"02:42:c0:a8:01:{index:02x}")
    for index, (name, addresses) in enumerate(
        [
            ("web", ("192.168.1.193",)),
            ("database", ("192.168.1.194", "2001:db8:1::c0:1")),
            ("mail", ()),
        ]
    )
)
DUAL = replace(
    READY,
    name="dual",
    state=State.WAITING,
    conditions=because(
        State.WAITING,
        "waits for its parent 'enp0s31f6', which does not exist yet, and for much else that takes some words to say",
    ),
    retry="2026-01-01T12:00:30Z",
    parent="auto",
    link="enp0s31f6",
    subnets=("192.168.1.0/24", "2001:db8:1::/64"),
    host=("192.168.1.50", "2001:db8:1::223"),
    attachments=(WEB, DATABASE, MAIL),
)
BOTH = replace(FINE, networks=(DUAL, READY), conditions=wrong("/etc/macvlan.d/x.toml:1: is not TOML"))
NARROW = replace(
    DUAL, subnets=("2001:db8:1111:2222:3333:4444:5555:0/112",), host=("2001:db8:1111:2222:3333:4444:5555:1",)
)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits(columns: int) -> None:
    golden = Path(__file__).parents[1] / "golden" / "status" / f"{columns}.txt"
    shown = overview(BOTH, columns, plain) + "\n"
    assert shown == golden.read_text()
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("columns", [10, 20, 40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("network", [DUAL, NARROW], ids=["short", "long"])
def test_no_address_is_ever_cut(columns: int, network: object) -> None:
    assert isinstance(network, type(DUAL))
    shown = overview(replace(FINE, networks=(network,)), columns, plain).replace(",", " ").split()
    addresses = {*network.subnets, *network.host, *(each for one in network.attachments for each in one.addresses)}
    assert addresses <= set(shown)


def test_where_a_table_has_no_place_each_network_is_a_paragraph() -> None:
    assert overview(replace(FINE, networks=(NARROW,)), 60, plain).splitlines()[:5] == [
        "dual  waiting",
        "  waits for its parent 'enp0s31f6', which does not exist",
        "  yet, and for much else that takes some words to say",
        "  parent: enp0s31f6 (auto)",
        "  subnets: 2001:db8:1111:2222:3333:4444:5555:0/112",
    ]


def test_colours_change_nothing_but_colours() -> None:
    shown = overview(BOTH, 80, coloured)
    for code in ("\x1b[1m", "\x1b[32m", "\x1b[33m", "\x1b[0m"):
        assert code in shown
        shown = shown.replace(code, "")
    assert shown == overview(BOTH, 80, plain)


def test_words_are_wrapped_by_their_width_on_the_terminal() -> None:
    assert filled("網路 網路 ab", 9, "  ") == ["  網路", "  網路 ab"]
    assert width("網路 ab") == 7


# One network

NOW = datetime(2026, 1, 1, 15, 0, 5, tzinfo=UTC)
CHANGE = Record(time="2026-01-01T12:00:00Z", text="add shim 'mv-dual' on 'enp0s31f6'")
PAST = History(records=(CHANGE, Record(time="2026-01-01T12:00:01Z", text="waiting: for its parent")), changed=CHANGE)


@pytest.mark.parametrize("columns", [80, 120])
def test_one_network_is_shown_in_full(columns: int) -> None:
    golden = Path(__file__).parents[1] / "golden" / "status" / f"network-{columns}.txt"
    subject = Subject(network=DUAL, past=PAST, edited="2025-12-31T12:00:00Z", now=NOW)
    shown = detail(subject, columns, plain) + "\n"
    assert shown == golden.read_text()
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-01-01T15:00:05Z", "0 s ago"),
        ("2026-01-01T15:00:10Z", "in 5 s"),
        ("2026-01-01T14:50:00Z", "10 min ago"),
        ("2026-01-01T12:00:00Z", "3 h ago"),
        ("2025-12-01T12:00:00Z", "31 d ago"),
        ("soon", "soon"),
    ],
)
def test_how_far_a_time_is_away(time: str, text: str) -> None:
    assert away(time, NOW) == text


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Status], None]:
    """Put a status where macvlanctl looks for it; there is no journal."""
    file = tmp_path / "status.json"
    monkeypatch.setattr("macvland.status.read", partial(read, file))
    monkeypatch.setattr("macvland.status.FILE", file)
    monkeypatch.setattr(past, "DIRECTORIES", (tmp_path / "journal",))
    return partial(write, file=file)


def test_status_of_a_network_says_in_one_line_why_it_has_no_journal(
    told: Callable[[Status], None], capsys: Output
) -> None:
    told(MINE)
    assert cli.main(["status", "pub_net"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("pub_net: ready since 2026-01-01T12:00:00Z (")
    assert shown[-1].startswith("this host has no journal, or its directory cannot be listed; run this as root")


def test_a_journal_that_may_not_be_read_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "id").mkdir()
    (tmp_path / "id/system.journal").touch()
    (tmp_path / "id/user-1000.journal").touch()
    monkeypatch.setattr(past, "DIRECTORIES", (tmp_path,))
    monkeypatch.setattr("os.access", lambda path, _: "user-" in str(path))  # root may read everything
    with pytest.raises(
        past.UnreadableError, match=r"system.journal: Permission denied; run this as root, or as a member"
    ):
        past.history("pub_net")


def test_the_id_of_a_change_is_that_of_the_journal() -> None:
    assert past.CHANGED == journal.CHANGED


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("pub_net", "lab"), "macvlanctl: no network 'pub-net' is declared; did you mean 'pub_net'?\n"),
        (("lab",), "macvlanctl: no network 'pub-net' is declared; 'macvlanctl status' shows those that are\n"),
        ((), "macvlanctl: no network 'pub-net' is declared: no file declares any; write one into /etc/macvlan.d"),
    ],
    ids=["a near one", "none near", "none at all"],
)
def test_an_unknown_network_is_an_error_that_says_what_to_do(
    names: tuple[str, ...], text: str, told: Callable[[Status], None], capsys: Output
) -> None:
    told(replace(MINE, networks=tuple(replace(READY, name=name) for name in names)))
    assert cli.main(["status", "pub-net"]) == 1
    assert capsys.readouterr().err.startswith(text)


def test_a_network_whose_file_is_not_for_this_host_is_told_so(told: Callable[[Status], None], capsys: Output) -> None:
    told(replace(MINE, elsewhere=("lab",)))
    assert cli.main(["status", "lab"]) == 1
    assert capsys.readouterr().err == (
        "macvlanctl: the file of 'lab' is not for this host; 'macvlanctl check' says what this host is called\n"
    )


def test_status_of_a_network_asks_nothing_of_the_others(told: Callable[[Status], None]) -> None:
    told(replace(MINE, networks=(READY, replace(READY, name="other", state=State.FAILED)), conditions=wrong("x")))
    assert (cli.main(["status", "pub_net"]), cli.main(["status", "other"])) == (0, 2)


def test_status_of_a_network_as_json(told: Callable[[Status], None], capsys: Output) -> None:
    told(MINE)
    assert cli.main(["status", "--json", "pub_net"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["network"]["name"], shown["network"]["state"]) == (2, "pub_net", "ready")
    assert shown["network"]["journal"]["records"] == []
    assert shown["network"]["journal"]["error"].startswith("this host has no journal")


# Live


@contextmanager
def watching(file: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    script = (
        "import sys; from pathlib import Path; from functools import partial; from macvland import status, cli\n"
        f"status.FILE = Path({str(file)!r}); status.read = partial(status.read, status.FILE)\n"
        "sys.exit(cli.main())"
    )
    # A job in the background of a shell without job control begins with SIGINT ignored, and so would we.
    command = ["env", "--default-signal=INT", sys.executable, "-c", script, "status", "--watch", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_watch_prints_each_new_state_after_another_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    write(MINE, file)
    with watching(file, "--json") as process:
        assert json.loads(line_of(process))["networks"][0]["state"] == "ready"
        write(replace(MINE, networks=(replace(READY, state=State.FAILED),)), file)
        assert json.loads(line_of(process))["networks"][0]["state"] == "failed"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_watch_waits_for_a_daemon_that_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    with watching(file) as process:
        assert "start the daemon with 'systemctl start macvland'" in line_of(process)
        write(MINE, file)
        assert line_of(process) == "\n"
        assert line_of(process).startswith("NETWORK")


def test_watch_ends_when_its_reader_does(tmp_path: Path) -> None:
    write(MINE, tmp_path / "status.json")
    with watching(tmp_path / "status.json") as process:
        while "(Docker" not in line_of(process):  # the last line: it writes no more by itself
            pass
        assert process.stdout
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_watch_draws_on_a_terminal_in_place_and_in_colour(tmp_path: Path) -> None:
    assert on_a_terminal(tmp_path, {}).startswith(b"\x1b[H\x1b[2J\x1b[3J\x1b[1mNETWORK")


def test_no_color_is_respected(tmp_path: Path) -> None:
    assert on_a_terminal(tmp_path, {"NO_COLOR": "1"}).startswith(b"\x1b[H\x1b[2J\x1b[3JNETWORK")


def on_a_terminal(directory: Path, environment: dict[str, str]) -> bytes:
    """Return what a terminal is given."""
    file = directory / "status.json"
    write(MINE, file)
    script = (
        "import sys; from pathlib import Path; from functools import partial; from macvland import status, cli\n"
        f"status.FILE = Path({str(file)!r}); status.read = partial(status.read, status.FILE)\n"
        "sys.exit(cli.main(['status', '--watch']))"
    )
    main, end = os.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=end, env={**kept, "TERM": "xterm", **environment}
    ) as process:
        os.close(end)
        shown = b""
        while b"\n" not in shown:
            shown += os.read(main, 4096)
        process.kill()
    os.close(main)
    return shown
