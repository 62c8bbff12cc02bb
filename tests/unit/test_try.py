"""macvlanctl try as far as no daemon is needed: what is refused, what is an answer, whom a plan could lock out."""

import json
import os
import pty
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address, ip_interface
from pathlib import Path
from threading import Timer

import pytest

from macvland import cli
from macvland.action import Action, Add, Change, Delete, Prove, Replace
from macvland.cli.try_.converging import arrived, failure, taken
from macvland.cli.try_.question import EndedError, Interruptible, NobodyError, asked, is_yes, say
from macvland.cli.try_.session import Session, addresses, carriers, inherited, touching
from macvland.model import (
    Host,
    Link,
    Neighbour,
    Network,
    Promiscuity,
    Proof,
    Route,
    Shim,
    ShimAddress,
    Vlan,
)
from macvland.status import State, Status, read, write
from tests.conditions import because, wrong
from tests.unit.test_cli import GOOD, MINE, WRONG
from tests.unit.test_status import READY

Output = pytest.CaptureFixture[str]

# What is refused


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Status], None]:
    """Put a status where macvlanctl looks for it."""
    monkeypatch.setattr("macvland.status.read", partial(read, tmp_path / "status.json"))
    return partial(write, file=tmp_path / "status.json")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "pub_net.toml").write_text(GOOD)
    return tmp_path / "pub_net.toml"


def refused(capsys: Output, *words: str | Path) -> str:
    """Return the first line of an error before which nothing was touched: not even the lock of trials was asked for."""
    assert cli.main(["try", *map(str, words)]) == 1
    return capsys.readouterr().err.splitlines()[0]


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may get as far as the machine's own directory."""

    def alone() -> None:
        raise AssertionError

    monkeypatch.setattr("macvland.cli.try_.verb.alone", alone)


def test_whoever_is_not_root_is_told_how(good: Path, capsys: Output) -> None:
    os.seteuid(65534)
    try:
        assert refused(capsys, good) == "macvlanctl: only root may try a file: 'sudo macvlanctl try FILE'"
    finally:
        os.seteuid(0)


def test_a_file_that_check_refuses_is_refused_in_its_words(good: Path, capsys: Output) -> None:
    good.write_text(WRONG)
    assert refused(capsys, good).startswith(f"{good}:4: subnet[1].cidr: is missing; write")


def test_a_refusal_as_json_is_that_of_check(good: Path, capsys: Output) -> None:
    good.write_text(WRONG)
    assert cli.main(["try", "--json", str(good)]) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["key"] == "subnet[1].cidr"


@pytest.mark.usefixtures("told")
def test_without_a_daemon_it_says_how_to_start_it(good: Path, capsys: Output) -> None:
    assert refused(capsys, good) == "macvlanctl: macvland is not running: start it with 'systemctl start macvland'"


def test_a_file_that_counts_already_is_not_tried(
    good: Path, told: Callable[[Status], None], monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    told(MINE)
    monkeypatch.setattr("macvland.config.DIRECTORIES", (good.parent,))
    assert "counts already: copy it elsewhere" in refused(capsys, good)


def test_a_file_for_other_hosts_is_not_tried(good: Path, capsys: Output) -> None:
    good.write_text(f'{GOOD}\n[match]\nhost = "!*"\n')
    assert refused(capsys, good) == f"macvlanctl: {good} is not for this host: its [match] says for which it is"


@pytest.mark.parametrize("seconds", ["-1", "nan", "86401", "soon"])
def test_a_time_that_is_none_or_too_long_is_refused(seconds: str, good: Path, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        cli.main(["try", "--timeout", seconds, str(good)])
    assert "--timeout" in capsys.readouterr().err


# What is an answer


@pytest.mark.parametrize(
    ("answer", "default", "yes"),
    [
        *(("y", False, True), ("YES", False, True), ("", False, False), ("", True, True)),
        *(("n", True, False), ("yes please", True, False), ("ja", True, False)),
    ],
)
def test_only_a_yes_is_a_yes(answer: str, default: bool, yes: bool) -> None:  # noqa: FBT001
    assert is_yes(answer, default=default) is yes


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make standard input a terminal; return its other end."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        yield ours
    os.close(ours)


def test_a_line_is_an_answer(terminal: int) -> None:
    Timer(0.1, os.write, [terminal, b" yes \n"]).start()
    assert asked("well?", 10) == "yes"


def test_what_was_typed_before_the_question_is_no_answer(terminal: int) -> None:
    os.write(terminal, b"yes\n")
    with pytest.raises(NobodyError, match=r"no answer within 0\.3 s"):
        asked("well?", 0.3)


def test_a_line_that_is_not_ended_is_no_answer(terminal: int) -> None:
    Timer(0.1, os.write, [terminal, b"yes"]).start()
    with pytest.raises(NobodyError, match="no answer within"):
        asked("well?", 0.4)


def test_each_question_has_its_line_of_a_pipe_and_its_end_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"yes\nno\nye")
    os.close(theirs)
    with os.fdopen(ours) as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        assert [asked("well?", 10), asked("well?", 10)] == ["yes", "no"]
        with pytest.raises(NobodyError, match="nobody is there"):
            asked("well?", 10)


def test_a_closed_standard_input_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(NobodyError, match="nobody is there"):
        asked("well?", 10)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.usefixtures("terminal")
def test_the_first_signal_ends_the_question_and_no_other_the_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruptible():
        Timer(0.1, os.kill, [os.getpid(), number]).start()
        with pytest.raises(EndedError):
            asked("well?", 10)
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_what_is_begun_is_not_interrupted() -> None:
    with Interruptible() as signals:
        signals.disarm()
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_note_to_a_terminal_that_is_gone_is_no_error() -> None:
    ours, theirs = pty.openpty()
    os.close(ours)
    with os.fdopen(theirs, "w") as gone:
        say("x", gone)
        say("y", gone)


# What the daemon made of it

TRIAL = Path("/run/macvlan.d/try/pub_net.toml")
TAKEN = replace(READY, name="pub_net", file=str(TRIAL))
OTHER = replace(READY, name="other", state=State.WAITING, conditions=because(State.WAITING, "for its parent"))


@pytest.mark.parametrize(
    ("status", "there"),
    [
        (replace(MINE, networks=(TAKEN, OTHER)), True),
        (replace(MINE, networks=(replace(TAKEN, file="/etc/macvlan.d/pub_net.toml"),)), False),
        (
            replace(MINE, networks=(replace(TAKEN, state=State.CHECKING, conditions=because(State.CHECKING, "x")),)),
            False,
        ),
        (replace(MINE, networks=(replace(TAKEN, state=State.CONFLICT),)), True),
        (replace(MINE, networks=(), conditions=wrong(f"{TRIAL}:1: wrong", file=str(TRIAL))), True),
    ],
    ids=["ready", "not read yet", "a matter of a moment", "in conflict", "wrong after all"],
)
def test_when_the_daemon_has_done_what_it_can(status: Status, there: bool) -> None:  # noqa: FBT001
    assert arrived(status, TRIAL, {"pub_net"}) is there


def test_what_waits_on_account_of_the_file_is_waited_for() -> None:
    assert not arrived(replace(MINE, networks=(TAKEN, OTHER)), TRIAL, {"pub_net", "other"})


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (replace(MINE, networks=(TAKEN, OTHER)), ""),
        (replace(MINE, networks=(replace(TAKEN, state=State.WAITING),)), ""),
        (
            replace(MINE, networks=(replace(TAKEN, state=State.FAILED, conditions=because(State.FAILED, "a", "b")),)),
            "pub_net: failed: a; b",
        ),
        (replace(MINE, networks=()), "macvland has not taken it up in time; 'journalctl -u macvland' may tell why"),
        (replace(MINE, networks=(), conditions=wrong(f"{TRIAL}:1: wrong", file=str(TRIAL))), f"{TRIAL}:1: wrong"),
        (replace(MINE, pid=0x7FFFFFFF), "macvland has stopped"),
        (None, "macvland has stopped"),
    ],
    ids=["ready", "waiting", "failed", "not read", "wrong after all", "a daemon that is gone", "no status"],
)
def test_why_a_file_does_not_work(status: Status | None, why: str) -> None:
    assert failure(status, TRIAL) == why
    assert status is None or taken(status, TRIAL) is not why.startswith("macvland has")


# Whom a plan could lock out

PEER, OWN = ip_address("192.168.1.7"), ip_address("192.168.1.50")
SESSION = Session(peer=PEER, own=OWN, link="br0")
SEEN = Host(
    links=frozenset(
        {
            Link(name="eth0", index=2, master="br0"),
            Link(name="br0", index=3, addresses=frozenset({ip_interface("192.168.1.50/24")})),
            Link(name="eth1", index=4),
            Link(name="eth1.5", index=5, below="eth1", vlan=5),
        }
    )
)
SHIM = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
NETWORK = Network(name="pub_net", parent="eth1")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("192.168.1.7 50022 192.168.1.50 22", (PEER, OWN)),
        ("::ffff:192.168.1.7 50022 ::ffff:192.168.1.50 22", (PEER, OWN)),
        ("2001:db8::7 50022 2001:db8::50 22", (ip_address("2001:db8::7"), ip_address("2001:db8::50"))),
        ("fe80::7%eth0 1 fe80::5%eth0 22", (ip_address("fe80::7%eth0"), ip_address("fe80::5%eth0"))),
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("", None),
    ],
)
def test_who_is_at_the_other_end_of_a_session(words: str, found: object) -> None:
    assert addresses(words) == found


def process(proc: Path, pid: int, parent: int, environ: bytes) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "environ").write_bytes(environ)
    (proc / str(pid) / "stat").write_text(f"{pid} (a) (b c) S {parent} 1 1 0\n")


def test_a_session_is_found_behind_sudo(tmp_path: Path) -> None:
    process(tmp_path, 30, 20, b"PATH=/bin\0SSH_CONNECTION=\0")
    process(tmp_path, 20, 10, b"SSH_CONNECTION=192.168.1.7 1 192.168.1.50 22\0A=b\0")
    process(tmp_path, 10, 1, b"SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22\0")
    assert inherited(30, tmp_path) == "192.168.1.7 1 192.168.1.50 22"


def test_a_console_is_no_session(tmp_path: Path) -> None:
    process(tmp_path, 30, 10, b"")
    process(tmp_path, 10, 1, b"A=SSH_CONNECTION=x")
    assert (inherited(30, tmp_path), inherited(99, tmp_path)) == ("", "")


def test_a_session_goes_over_all_that_is_below_its_link() -> None:
    assert carriers(SEEN, SESSION) == {"br0", "eth0"}
    assert carriers(SEEN, replace(SESSION, link="eth1.5")) == {"br0", "eth0", "eth1", "eth1.5"}


@pytest.mark.parametrize(
    ("action", "touches"),
    [
        (Add(SHIM), True),
        (Add(replace(SHIM, parent="eth1")), False),
        (Change(SHIM, replace(SHIM, mtu=9000)), True),
        (Delete(Vlan(name="eth0.5", parent="eth0", id=5, mtu=1500)), True),
        (Add(Promiscuity(parent="br0")), True),
        (Add(Promiscuity(parent="eth1")), False),
        (Add(NETWORK), False),
        (Replace(replace(NETWORK, parent="eth0"), NETWORK, ()), True),
        (Replace(NETWORK, replace(NETWORK, parent="eth0"), ()), True),
        (Add(ShimAddress(shim="mv-x", address=ip_address("192.168.1.223"))), False),
        (Add(ShimAddress(shim="mv-x", address=OWN)), True),
        (Add(Route(shim="mv-x", destination=PEER, source=None)), True),
        (Delete(Neighbour(shim="mv-x", address=PEER, mac="02:00:00:00:00:02")), True),
        (Prove(Proof(network="pub_net", id="id")), False),
    ],
    ids=str,
)
def test_which_actions_touch_what_a_session_goes_over(action: Action, touches: bool) -> None:  # noqa: FBT001
    assert touching((action,), SEEN, SESSION) == ((action,) if touches else ())


def test_where_nobody_knows_the_link_every_action_may_touch_it() -> None:
    away = Session(peer=PEER, own=ip_address("10.0.0.1"), link="")
    assert touching((Add(NETWORK),), SEEN, away) == (Add(NETWORK),)
    assert str(away) == "this SSH session with 192.168.1.7 goes over a link that is not known"
