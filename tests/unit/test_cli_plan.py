"""What `macvlanctl plan` and `apply` show and decide: by network, whom it cuts off, and when there is an end."""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest

from macvland import cli
from macvland.action import Action, Add, Delete, Replace
from macvland.cli.apply import settled, taken
from macvland.cli.impact import impact
from macvland.cli.reload import NotAskedError, ask, takes_requests
from macvland.cli.steps import described, steps
from macvland.cli.text.terminal import coloured, plain
from macvland.model import Attachment, Host, Network, Shim, Subnet
from macvland.status import State, Status, read, write
from tests.conditions import because, wrong
from tests.unit.samples import container
from tests.unit.test_status import FINE, READY

Output = pytest.CaptureFixture[str]

OLD = Network(name="pub_net", parent="eth0", spec="1:old", id="id-of-pub_net")
NEW = replace(OLD, parent="eth1", spec="1:new", id="")
SHIM = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
LAB = Network(name="lab", parent="eth0", subnets=frozenset({Subnet(cidr=ip_network("10.0.0.0/24"))}), spec="1:lab")


def running(name: str) -> Attachment:
    return replace(container(name, "192.168.1.193"), endpoint=f"endpoint-of-{name}")


SEEN = Host(attachments=frozenset({running("web"), running("database"), container("stopped", "192.168.1.195")}))
REPLACE = Replace(NEW, OLD, ("database", "stopped", "web"))
ACTIONS: tuple[Action, ...] = (Delete(SHIM), Add(replace(SHIM, parent="eth1")), Add(LAB), REPLACE)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_plan_is_shown_by_network_with_whom_it_cuts_off(columns: int) -> None:
    golden = Path(__file__).parents[1] / "golden" / "status" / f"plan-{columns}.txt"
    lines = list(steps(ACTIONS, SEEN, columns, plain))
    assert "".join(f"{line}\n" for line in lines) == golden.read_text()
    assert max(map(len, lines)) <= columns


def test_colours_of_a_plan_change_nothing_but_colours() -> None:
    shown = "\n".join(steps(ACTIONS, SEEN, 80, coloured))
    for code in ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"):
        assert code in shown
        shown = shown.replace(code, "")
    assert shown.splitlines() == list(steps(ACTIONS, SEEN, 80, plain))


@pytest.mark.parametrize(
    ("action", "actions", "seen", "text"),
    [
        (REPLACE, (REPLACE,), SEEN, "database, web: off the network for about 0.5 s"),
        (
            Replace(NEW, OLD, tuple(f"c{number}" for number in range(20))),
            (),
            Host(attachments=frozenset(running(f"c{number}") for number in range(1))),
            "c0: off the network for about 2 s",
        ),
        (REPLACE, (REPLACE,), Host(), "None"),
        (Delete(SHIM), (Delete(SHIM),), SEEN, "database, web: not in reach of the host from then on"),
        (Delete(SHIM), ACTIONS, SEEN, "database, web: not in reach of the host for about 10 ms"),
        (Delete(SHIM), (Delete(SHIM),), Host(), "None"),
        (Add(LAB), (Add(LAB),), SEEN, "None"),
        (Delete(OLD), (Delete(OLD),), SEEN, "None"),
    ],
    ids=[
        *("a replacement", "one with many", "one with nobody running", "a shim that goes", "a shim made anew"),
        *("a shim that nobody uses", "something new", "a network without containers"),
    ],
)
def test_whom_an_action_cuts_off(action: Action, actions: tuple[Action, ...], seen: Host, text: str) -> None:
    assert str(impact(action, actions, seen)) == text


def test_a_plan_for_programs_keeps_the_order_and_says_whom_it_cuts_off() -> None:
    told = described(ACTIONS, SEEN)
    assert [one["network"] for one in told] == ["pub_net", "pub_net", "lab", "pub_net"]
    assert [one["disrupts"] for one in told] == [
        {"who": ["database", "web"], "what": "not in reach of the host", "seconds": 0.01},
        None,
        None,
        {"who": ["database", "web"], "what": "off the network", "seconds": 0.5},
    ]


# apply


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Status], None]:
    """Put a status where macvlanctl looks for it."""
    monkeypatch.setattr("macvland.status.read", partial(read, tmp_path / "status.json"))
    monkeypatch.setattr("macvland.status.FILE", tmp_path / "status.json")
    return partial(write, file=tmp_path / "status.json")


@pytest.mark.usefixtures("told")
def test_apply_without_a_daemon_says_how_to_start_it(capsys: Output) -> None:
    assert cli.main(["apply"]) == 1
    assert capsys.readouterr().err == "macvlanctl: macvland is not running: start it with 'systemctl start macvland'\n"


def test_a_process_that_is_not_macvland_gets_no_signal() -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with pytest.raises(NotAskedError, match="systemctl start macvland"):
            ask(stranger.pid)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("pid", [0x7FFFFFFF, -1, 2**80], ids=["none", "not one", "too large"])
def test_a_process_that_is_not_there_is_no_daemon(pid: int) -> None:
    with pytest.raises(NotAskedError, match="systemctl start macvland"):
        ask(pid)


@pytest.mark.parametrize(
    ("words", "blocked", "takes"),
    [
        (b"/usr/bin/python3\0/usr/bin/macvland\0", f"{1 << signal.SIGHUP - 1 | 1 << signal.SIGTERM - 1:016x}", True),
        (b"vim\0macvland.toml\0", "0" * 16, False),
        (b"another\0", "f" * 16, False),
    ],
    ids=["macvland", "one that SIGHUP would end", "another program"],
)
def test_who_takes_requests(words: bytes, blocked: str, takes: bool, tmp_path: Path) -> None:  # noqa: FBT001
    (tmp_path / "cmdline").write_bytes(words)
    (tmp_path / "status").write_text(f"Name:\tx\nSigBlk:\t{blocked}\n")
    assert takes_requests(tmp_path) is takes


@pytest.mark.parametrize(
    ("now", "is_taken"),
    [
        (FINE, False),
        (replace(FINE, reloads=1), True),
        (replace(FINE, pid=os.getpid() + 1), True),
    ],
    ids=["no pass since", "a pass since", "a daemon that started since"],
)
def test_a_request_is_taken_by_a_pass_that_began_after_it(now: Status, is_taken: bool) -> None:  # noqa: FBT001
    assert taken(FINE, now) is is_taken


@pytest.mark.parametrize("state", State)
def test_what_may_be_over_in_a_moment_is_waited_for(state: State) -> None:
    network = replace(READY, state=state, conditions=because(state, "so it is"))
    ends = state in {State.READY, State.FOREIGN, State.CONFLICT, State.LEAVING}
    assert settled(replace(FINE, networks=(network,), converged=False)) is ends


def test_a_failure_that_no_action_would_mend_is_not_waited_for() -> None:
    network = replace(READY, state=State.FAILED, conditions=because(State.FAILED, "another device has its address"))
    assert settled(replace(FINE, networks=(network,), converged=True))


def test_a_file_with_a_problem_is_not_waited_for() -> None:
    network = replace(READY, state=State.FAILED, conditions=wrong("x.toml:1: wrong"))
    assert settled(replace(FINE, networks=(network,), conditions=wrong("x.toml:1: wrong")))


def test_a_status_of_an_older_daemon_is_read() -> None:
    from macvland.status import dump, load

    assert load(dump(FINE).replace(', "reloads": 0, "elsewhere": []', "")) == FINE
