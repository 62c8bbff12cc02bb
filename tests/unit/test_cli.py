"""macvlanctl where it needs neither the kernel nor Docker: check, and the status of the last pass."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Timer

import pytest

from macvland import cli
from macvland.status import State, Status, read, write
from tests import conditions
from tests.conditions import because
from tests.unit.test_status import FINE, READY

GOOD = """\
[network]
parent = "eth0"

[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
"""
WRONG = GOOD.replace("cidr", "cdir")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "pub_net.toml").write_text(GOOD)
    return tmp_path / "pub_net.toml"


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    (tmp_path / "wrong.toml").write_text(WRONG)
    return tmp_path / "wrong.toml"


def test_check_says_that_a_good_file_is_good(good: Path, capsys: Output) -> None:
    assert cli.main(["check", str(good)]) == 0
    assert capsys.readouterr() == ("1 network(s), no problems\n", "")


def test_check_shows_every_problem_with_its_line_and_carets(good: Path, wrong: Path, capsys: Output) -> None:
    wrong.write_text(WRONG.replace('"192.168.1.1"', '"192.168.1.300"  # the router'))
    assert cli.main(["check", str(good), str(wrong)]) == 1
    assert capsys.readouterr() == (
        "",
        f"""\
{wrong}:4: subnet[1].cidr: is missing; write the network of the LAN, for instance `cidr = "192.168.1.0/24"`
  [[subnet]]
  ^^^^^^^^^^
{wrong}:5: subnet[1].cdir: there is no such key in [[subnet]]; did you mean `cidr`?
  cdir = "192.168.1.0/24"
  ^^^^
{wrong}:6: subnet[1].gateway: '192.168.1.300' is not an IP address; write the address of the router, or \
`gateway = false` for no default route (Docker 29 and later)
  gateway = "192.168.1.300"  # the router
            ^^^^^^^^^^^^^^^
""",
    )


@pytest.mark.parametrize(
    ("text", "line", "below"),
    [
        (b"[network]\nparent = eth0\n", "  parent = eth0", "           ^"),
        (b'[network]\nparent = "eth0', '  parent = "eth0', " " * 16 + "^"),
        (b'# caf\xc3\xa9 caf\xe9\n[network]\nparent = "eth0"\n', "  # café caf\ufffd", " " * 12 + "^"),
        (b'\xef\xbb\xbf[network]\nparent = "eth0"\n', "  \\ufeff[network]", "  ^^^^^^"),
    ],
    ids=["no quotes", "an end too early", "no UTF-8", "a byte order mark"],
)
def test_check_points_at_where_a_file_is_no_toml(
    text: bytes, line: str, below: str, wrong: Path, capsys: Output
) -> None:
    wrong.write_bytes(text)
    assert cli.main(["check", str(wrong)]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == [line, below]


def test_check_gives_a_terminal_nothing_that_does_not_print(
    wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    wrong.write_text(f'[network]\nparent = "eth0" \u202e \x1b[31m\t{"x" * 10_000}\n')
    monkeypatch.chdir(wrong.parent)  # where it lies is not to count
    assert cli.main(["check", wrong.name]) == 1
    assert all(line.isprintable() and len(line) <= 200 for line in capsys.readouterr().err.splitlines())


def test_check_of_a_file_as_a_whole_points_at_nothing(wrong: Path, capsys: Output) -> None:
    wrong.write_text("[[subnet]]\ncidr = '192.168.1.0/24'\ngateway = false\n")
    assert cli.main(["check", str(wrong)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_check_names_a_file_that_is_missing(tmp_path: Path, capsys: Output) -> None:
    assert cli.main(["check", str(tmp_path / "none.toml")]) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}/none.toml: cannot be read: No such file")


def test_check_as_json(good: Path, wrong: Path, capsys: Output) -> None:
    assert cli.main(["check", "--json", str(good), str(wrong)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["networks"]) == (1, ["pub_net"])
    assert [(error["file"], error["line"], error["column"], error["key"]) for error in told["errors"]] == [
        (str(wrong), 4, 1, "subnet[1].cidr"),
        (str(wrong), 5, 1, "subnet[1].cdir"),
    ]
    assert all(error.keys() == {"file", "line", "column", "key", "wrong", "right"} for error in told["errors"])


def test_a_reader_that_has_seen_enough_is_no_traceback(good: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-c", "import sys; from macvland.cli import main; sys.exit(main())", "check", str(good)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(write_end)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Status], None]:
    """Put a status where macvlanctl looks for it."""
    file = tmp_path / "status.json"
    monkeypatch.setattr("macvland.status.read", partial(read, file))
    monkeypatch.setattr("macvland.status.FILE", file)
    return partial(write, file=file)


MINE = replace(FINE, pid=os.getpid())


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (MINE, 0),
        (replace(MINE, networks=(replace(READY, state=State.FOREIGN),)), 0),
        (replace(MINE, networks=(replace(READY, state=State.WAITING),)), 2),
        (replace(MINE, networks=(READY, replace(READY, state=State.FAILED))), 2),
        (replace(MINE, conditions=conditions.wrong("x")), 2),
    ],
    ids=["ready", "foreign", "waiting", "failed", "a problem in a file"],
)
def test_status_ends_with_2_where_a_network_is_not_as_asked(
    status: Status, code: int, told: Callable[[Status], None], capsys: Output
) -> None:
    told(status)
    assert cli.main(["status"]) == code
    assert capsys.readouterr().out.startswith("NETWORK  STATE")


def test_status_of_a_daemon_that_is_gone_says_so(told: Callable[[Status], None], capsys: Output) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    told(replace(FINE, pid=gone.pid))
    assert cli.main(["status"]) == 2
    assert "macvland is not running: this is what it saw last" in capsys.readouterr().out


def test_status_as_json_is_the_file(told: Callable[[Status], None], capsys: Output, tmp_path: Path) -> None:
    told(MINE)
    assert cli.main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "status.json").read_text())


@pytest.mark.usefixtures("told")
def test_status_without_a_daemon_says_how_to_start_it(capsys: Output) -> None:
    assert cli.main(["status"]) == 1
    assert "does not exist: start the daemon with 'systemctl start macvland'" in capsys.readouterr().err


@pytest.mark.fault("F82")
@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("text", ["", '{"version": 1,', '{"version": 99}'], ids=["empty", "torn", "newer"])
def test_status_of_a_file_that_cannot_be_read_is_an_error(text: str, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "status.json").write_text(text)
    assert cli.main(["status"]) == 1
    assert "cannot be read: " in capsys.readouterr().err


def test_without_a_verb_there_is_nothing_to_do(capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "VERB" in capsys.readouterr().err


# wait


def test_wait_ends_at_once_where_all_is_ready(told: Callable[[Status], None]) -> None:
    told(MINE)
    assert cli.main(["wait"]) == 0


def test_wait_ends_when_the_status_says_so(told: Callable[[Status], None]) -> None:
    told(replace(MINE, networks=(replace(READY, state=State.WAITING),)))
    later = Timer(0.2, told, [MINE])
    later.start()
    assert cli.main(["wait", "--timeout", "10"]) == 0
    later.join()


def test_wait_begins_before_there_is_any_status(told: Callable[[Status], None]) -> None:
    later = Timer(0.2, told, [MINE])
    later.start()
    assert cli.main(["wait", "--timeout", "10", READY.name]) == 0
    later.join()


@pytest.mark.parametrize(
    ("status", "arguments", "text"),
    [
        (replace(MINE, conditions=conditions.wrong("x.toml: wrong")), [], "x.toml: wrong"),
        (
            replace(MINE, networks=(replace(READY, state=State.WAITING, conditions=because(State.WAITING, "for y")),)),
            [],
            "waiting: for y",
        ),
        (MINE, ["other"], "other: no file declares it"),
        (replace(MINE, elsewhere=("lab",)), ["lab"], "the file of 'lab' is not for this host"),
        (replace(MINE, pid=0x7FFFFFFF), [], "macvland is not running"),
    ],
    ids=[
        "a problem in a file",
        "a network that waits",
        "a network that nobody declares",
        "one of another host",
        "no daemon",
    ],
)
def test_wait_gives_up_when_the_time_is_over_and_says_what_is_missing(
    status: Status, arguments: list[str], text: str, told: Callable[[Status], None], capsys: Output
) -> None:
    told(status)
    assert cli.main(["wait", "--timeout", "0.05", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_wait_for_one_network_asks_nothing_of_the_others(told: Callable[[Status], None]) -> None:
    other = replace(READY, name="other", state=State.FAILED)
    told(replace(MINE, networks=(READY, other), conditions=conditions.wrong("other.toml: wrong")))
    assert cli.main(["wait", "--timeout", "0", READY.name]) == 0


def test_wait_for_all_does_not_wait_for_one_that_leaves(told: Callable[[Status], None]) -> None:
    """It may do so for ever: a container that is stopped keeps it as well."""
    leaving = replace(READY, name="old", state=State.LEAVING, conditions=because(State.LEAVING, "its file is gone"))
    told(replace(MINE, networks=(READY, leaving)))
    assert cli.main(["wait", "--timeout", "0"]) == 0
    assert cli.main(["wait", "--timeout", "0", "old"]) == 2


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_wait_takes_no_time_that_is_none(seconds: str, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        cli.main(["wait", "--timeout", seconds])
    assert "--timeout" in capsys.readouterr().err


def test_wait_uses_no_time_of_the_processor(told: Callable[[Status], None]) -> None:
    told(replace(MINE, networks=(replace(READY, state=State.WAITING),)))
    before = time.process_time()
    assert cli.main(["wait", "--timeout", "1"]) == 2
    assert time.process_time() - before < 0.3
