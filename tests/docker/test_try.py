"""macvlanctl try on a real host, typed into a real terminal: kept on a yes, and whatever else happens, as it was."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from macvland.config.trial import clock, end_of
from tests.lab import Host, wait_until
from tests.lab.command import PROJECT
from tests.lab.macvland import console_script
from tests.lab.terminal import Terminal
from tests.scene import (
    BORROWED,
    OWN,
    Serving,
    declare,
    docker_options,
    inspect,
    lines,
    network_status,
    networks,
    shims,
    tidy,
    unbroken_ping,
    wait_for_state,
    wait_for_ways,
    ways,
)

HOST = "192.168.1.50"
WEB = "192.168.1.51"
TRIAL = "/run/macvlan.d/try/pub_net.toml"
KEPT = "/etc/macvlan.d/pub_net.toml"
FILE = "/etc/tried/pub_net.toml"
CONSOLE = (
    "UNKNOWN 65535 UNKNOWN 65535"  # what sshd says where it speaks over no network: whoever runs the tests counts not
)
CTRL_C, CTRL_D = b"\x03", b"\x04"

OLD = declare(BORROWED)
NEW = declare(OWN, gateway="2")

HURRIED = "from macvland.cli.try_ import attempt; attempt.PATIENCE, attempt.MARGIN = 2.0, 0.5"


class Trial(Terminal):
    """A `macvlanctl try` in a terminal."""

    def __init__(self, host: Host, *words: str, session: str = CONSOLE, first: str = "pass") -> None:
        """Begin it."""
        environment = {"SSH_CONNECTION": session, "COLUMNS": "200"}
        super().__init__(host, "try", FILE, *words, environment=environment, first=first)


@pytest.fixture
def host(shared_docker_host: Host) -> Iterator[Host]:
    host = shared_docker_host
    host.path("/etc/tried").mkdir(exist_ok=True)
    host.path(FILE).write_text(NEW)
    yield host
    Trial.kill_all()
    for file in host.path("/run/macvlan.d/try").glob("*"):
        file.unlink()
    tidy(host)


def serving(host: Host, serve: Serving) -> Any:
    """Serve a network with a container, as the administrator's file says."""
    daemon = serve()
    host.drop("pub_net.toml", OLD)
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip=WEB)
    wait_for_ways(host, {WEB: HOST})
    return daemon


def seen(host: Host) -> tuple[Any, ...]:
    """Return what must be the same before and after a trial; a network that was replaced twice has another id."""
    network = {name: it for name, it in inspect(host, "pub_net").items() if name not in {"Id", "Created"}}
    return network, shims(host), ways(host), files(host)


def files(host: Host) -> dict[str, str]:
    places = [path for place in ("/etc/macvlan.d", "/run/macvlan.d/try") for path in host.path(place).glob("*")]
    return {str(path): path.read_text() for path in places}


def gateway(host: Host) -> str:
    """Return the network's gateway; "" while it is being replaced."""
    try:
        return str(inspect(host, "pub_net")["IPAM"]["Config"][0]["Gateway"])
    except NotFound:
        return ""


def tried(host: Host, *words: str, **options: str) -> Trial:
    """Begin a trial; return when it asks whether to keep it."""
    trial = Trial(host, *words, **options)
    trial.wait_for("keep it?")
    return trial


# Kept


def test_a_new_network_is_kept_on_a_yes_and_not_touched_by_that(host: Host, serve: Serving) -> None:
    daemon = serve()
    trial = tried(host)
    assert "pub_net: " not in trial.text
    assert "  add shim 'mv-pub_net' on 'eth0'\n" in trial.text
    assert "pub_net is ready\nkeep it? [y/N] (gone in 60 s)" in trial.text
    assert (host.path(KEPT).exists(), 60 < end_of(host.path(TRIAL).read_bytes()) - clock() < 96) == (False, True)
    web = host.container("web", "pub_net", ip=WEB)
    wait_for_ways(host, {WEB: "192.168.1.223"})
    before = (networks(host), host.ip_json("link", "show", "dev", "mv-pub_net"), web.mac())
    logged = len(lines(daemon))
    with unbroken_ping(host, WEB):
        trial.type(b"y\n")
        assert trial.end() == 0
        wait_until(lambda: (it := network_status(host, "pub_net")) and it.file == KEPT)
    assert (networks(host), host.ip_json("link", "show", "dev", "mv-pub_net"), web.mac()) == before
    assert files(host) == {str(host.path(KEPT)): NEW}
    assert lines(daemon, logged) == []
    assert trial.text.endswith(f"kept as {KEPT}\n")


def test_a_changed_network_is_kept_in_place_of_the_administrators_file(host: Host, serve: Serving) -> None:
    serving(host, serve)
    trial = tried(host, "--keep")
    assert f"if it is kept, it takes the place of {KEPT}\n" in trial.text
    assert "web: off the network for about 0.5 s" in trial.text
    assert (gateway(host), host.path(KEPT).read_text()) == ("192.168.1.2", OLD)
    trial.type(b"\n")
    assert trial.end() == 0
    assert files(host) == {str(host.path(KEPT)): NEW}
    wait_for_ways(host, {WEB: "192.168.1.223"})


def test_programs_answer_by_a_pipe_and_get_json(host: Host, serve: Serving) -> None:
    serve()
    ctl = host.popen(
        *console_script("macvlanctl", "macvland.cli"),
        *("try", "--json", FILE),
        environment={"PYTHONPATH": str(PROJECT), "SSH_CONNECTION": CONSOLE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    told = json.loads(ctl.communicate("yes\n", timeout=40)[0])
    assert (ctl.returncode, told["version"], told["kept"], told["why"], told["left"]) == (0, 1, KEPT, "", [])
    assert told["done"][0]["action"] == "add shim 'mv-pub_net' on 'eth0'"


# As it was

ENDS: dict[str, tuple[Callable[[Trial], None], str]] = {
    "no": (lambda trial: trial.type(b"n\n"), "you did not want it"),
    "Enter": (lambda trial: trial.type(b"\n"), "you did not want it"),
    "no answer": (lambda _: None, "no answer within 1 s"),
    "Ctrl-C": (lambda trial: trial.type(CTRL_C), "Ctrl-C"),
    "Ctrl-C again and again": (lambda trial: trial.type(CTRL_C * 3), "Ctrl-C"),
    "end of input": (lambda trial: trial.type(CTRL_D), "nobody is there to answer"),
    "SIGTERM": (lambda trial: trial.process.send_signal(signal.SIGTERM), "macvlanctl was told to end"),
    "a hang-up": (lambda trial: trial.hang_up(), ""),
}


@pytest.mark.parametrize(("end", "why"), ENDS.values(), ids=ENDS)
def test_a_network_that_was_replaced_is_replaced_back(
    end: Callable[[Trial], None], why: str, host: Host, serve: Serving
) -> None:
    serving(host, serve)
    before = seen(host)
    trial = tried(host, "--timeout", "1" if why.startswith("no answer") else "60")
    assert (gateway(host), host.path(KEPT).read_text()) == ("192.168.1.2", OLD)
    wait_for_ways(host, {WEB: "192.168.1.223"})
    end(trial)
    assert trial.end() == 2
    wait_for_ways(host, {WEB: HOST})
    assert seen(host) == before
    host.ping(WEB)
    assert not why or trial.text.endswith(f"{why}: bringing back what was\nall is as it was\n")


@pytest.mark.parametrize("when", ["at once", "in the middle"])
def test_ctrl_c_before_there_is_a_question_brings_back_what_was(when: str, host: Host, serve: Serving) -> None:
    serving(host, serve)
    before = seen(host)
    trial = Trial(host)
    if when == "in the middle":
        wait_until(host.path(TRIAL).exists)
    else:
        trial.wait_for("off the network for about")  # the last line of the plan
    trial.type(CTRL_C)
    assert trial.end() == 2
    assert trial.text.endswith(("Ctrl-C: nothing was changed\n", "all is as it was\n"))
    wait_for_ways(host, {WEB: HOST})
    assert seen(host) == before


def test_a_new_network_goes_with_its_trial(host: Host, serve: Serving) -> None:
    serve()
    trial = tried(host)
    trial.type(b"no\n")
    assert trial.end() == 2
    assert (networks(host), shims(host), files(host)) == ({}, [], {})


def test_what_cannot_be_brought_back_is_said(host: Host, serve: Serving) -> None:
    serve()
    trial = tried(host, first=HURRIED)
    host.container("web", "pub_net", ip=WEB)
    trial.type(b"no\n")
    assert trial.end() == 2
    assert "not as it was: see 'macvlanctl status' for what becomes of\n  pub_net: " in trial.text
    assert "'web'" in trial.text


def test_kill_9_leaves_nothing_for_longer_than_the_trial_says(host: Host, serve: Serving) -> None:
    daemon = serving(host, serve)
    before = seen(host)
    trial = tried(host, "--timeout", "2", first=HURRIED)
    trial.process.kill()
    trial.process.wait()
    left = end_of(host.path(TRIAL).read_bytes()) - clock()
    assert (0 < left < 4.5, gateway(host)) == (True, "192.168.1.2")
    refused = host.ctl("try", FILE)
    assert (refused.returncode, "is not over: wait" in refused.stderr) == (1, True)
    wait_until(lambda: gateway(host) == "192.168.1.1", left + 5)
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: HOST})
    assert end_of(host.path(TRIAL).read_bytes()) < clock()
    host.path(TRIAL).unlink()
    assert seen(host) == before


def test_one_that_was_stopped_comes_too_late(host: Host, serve: Serving) -> None:
    serving(host, serve)
    before = seen(host)
    trial = tried(host, "--timeout", "2", first=HURRIED)
    trial.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: gateway(host) == "192.168.1.1", 15)
    trial.type(b"yes\n")
    trial.process.send_signal(signal.SIGCONT)
    assert trial.end() == 2
    wait_for_ways(host, {WEB: HOST})
    assert seen(host) == before


def test_a_daemon_that_starts_after_the_end_does_not_count_the_trial(host: Host, serve: Serving) -> None:
    daemon = serving(host, serve)
    trial = tried(host, "--timeout", "2", first=HURRIED)
    daemon.kill()
    trial.process.kill()
    wait_until(lambda: end_of(host.path(TRIAL).read_bytes()) < clock())
    wait_for_state(serve(), host, "pub_net", "ready")
    wait_until(lambda: gateway(host) == "192.168.1.1")
    host.path(TRIAL).unlink()


def test_without_the_daemon_nothing_is_said_to_be_as_it_was(host: Host, serve: Serving) -> None:
    daemon = serving(host, serve)
    trial = tried(host, first=HURRIED)
    daemon.kill()
    trial.type(b"no\n")
    assert trial.end() == 2
    assert "start it with 'systemctl start macvland'" in trial.text
    assert list(files(host)) == [str(host.path(KEPT))]


def test_an_edit_that_nobody_was_asked_about_is_not_written_over(host: Host, serve: Serving) -> None:
    serving(host, serve)
    trial = tried(host)
    host.drop("pub_net.toml", declare(OWN))
    trial.type(b"yes\n")
    assert trial.end() == 2
    assert f"{KEPT} was changed meanwhile: bringing back what was\n" in trial.text
    assert files(host) == {str(host.path(KEPT)): declare(OWN)}
    wait_until(lambda: gateway(host) == "192.168.1.1")


# Refused, or not even asked about


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (OLD.replace("cidr", "cdir"), f"{FILE}:4: subnet[1].cidr: is missing"),
        (OLD.replace('range = "192.168.1.192/27"', ""), f"{FILE}:"),
        (OLD.ljust(64 * 1024 - 1, "#") + "\n", "macvlanctl: a file on trial needs room for one more line"),
    ],
    ids=["alone", "together with another file", "too large with its end"],
)
def test_a_broken_file_is_refused_and_nothing_is_touched(text: str, first: str, host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("a.toml", declare(BORROWED))
    wait_for_state(daemon, host, "a", "ready")
    host.path(FILE).write_text(text)
    logged = len(lines(daemon))
    refused = host.ctl("try", FILE)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(first)
    assert (list(files(host)), lines(daemon, logged)) == ([str(host.path("/etc/macvlan.d/a.toml"))], [])


def test_a_conflict_ends_a_trial_without_a_question(host: Host, serve: Serving) -> None:
    host.docker("network", "create", *docker_options(lan="192.168.2"), "pub_net")
    serve()
    trial = Trial(host)
    assert trial.end() == 2
    assert "keep it?" not in trial.text
    assert "pub_net: conflict: a network of this name that macvland did not make has other settings" in trial.text
    assert trial.text.endswith("all is as it was\n")
    assert (shims(host), files(host)) == ([], {})


# Whoever asks is not locked out

SSH = f"192.168.1.1 50022 {HOST} 22"


def test_a_session_over_the_parent_is_named_and_asked_first(host: Host, serve: Serving) -> None:
    daemon = serve()
    logged = len(lines(daemon))
    trial = Trial(host, session=SSH)
    trial.wait_for("go on? [y/N]")
    assert "this SSH session with 192.168.1.1 goes over 'eth0', which this touches:\n" in trial.text
    assert "  pub_net: add shim 'mv-pub_net' on 'eth0'\n" in trial.text
    trial.type(b"n\n")
    assert trial.end() == 2
    assert trial.text.endswith("you did not want it: nothing was changed\n")
    assert (files(host), lines(daemon, logged)) == ({}, [])


def test_a_session_that_goes_on_is_asked_twice(host: Host, serve: Serving) -> None:
    serve()
    trial = Trial(host, session=SSH)
    trial.wait_for("go on? [y/N]")
    trial.type(b"y\n")
    trial.wait_for("keep it?")
    trial.type(b"y\n")
    assert trial.end() == 0
    assert Path(host.path(KEPT)).read_text() == NEW
