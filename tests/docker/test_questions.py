"""docs/questions.md is what an administrator sees: each question comes up on a real host, and its command is run there.

Written anew by `python -m tests.docker.test_questions`, in a lab of its own; then read the diff.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from shutil import rmtree

import pytest

from tests.faults.daemon import Daemon
from tests.faults.journald import Journald, stream_of
from tests.lab import Host, Lab, engine, wait_until
from tests.lab.command import PROJECT
from tests.lab.terminal import Terminal
from tests.scene import BORROWED, declare, docker_options, tidy, wait_for_state, wait_for_ways

PAGE = PROJECT / "docs" / "questions.md"
QUESTION = re.compile(r"^## \d+\. (?P<title>.+)\n(?P<answer>(?:(?!^## ).*\n)+)", re.MULTILINE)
SHOWN = re.compile(r"^```console\n# macvlanctl (?P<words>.+)\n(?P<output>(?:.*\n)*?)```\n", re.MULTILINE)
STATUS = re.compile(r"[Ee]xit status (\d)")
COLUMNS = "100"
DRAFTS = "/etc/drafts"

WEB, CAMERA = "192.168.1.195", "192.168.1.60"
TYPO = declare(BORROWED).replace("gateway =", "gatewy =")
OTHER_GATEWAY = declare(BORROWED, gateway="2")

# What is another one on each run, or with each Docker.
VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-01-01T00:00:00Z"),
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "02:00:00:00:00:00"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "0123456789ab"),
    (re.compile(r"\(\d+ s ago\)"), "(1 s ago)"),
    (re.compile(r"Docker [0-9][^ ,]*"), "Docker 26"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One section of the page."""

    title: str
    words: tuple[str, ...]
    output: str
    status: int


def questions(page: str) -> list[Question]:
    """Return the sections of *page*."""
    return [_question(found["title"], found["answer"]) for found in QUESTION.finditer(page)]


def _question(title: str, answer: str) -> Question:
    shown, status = SHOWN.search(answer), STATUS.search(answer)
    assert shown, f"{title}: no command"
    return Question(
        title=title,
        words=tuple(shlex.split(shown["words"])),
        output=shown["output"],
        status=int(status[1]) if status else 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A host, on which the questions come up."""

    host: Host

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """Have a daemon that logs to a journal of its own."""
        journald = Journald(self.host)
        with journald.connect() as stream:
            daemon = Daemon(self.host, stderr=stream, environment=stream_of(stream))
        try:
            yield daemon
        finally:
            daemon.stop()
            journald.kill()
            rmtree(self.host.path("/run/log/journal"))

    @contextmanager
    def served(self) -> Iterator[Daemon]:
        """Have a network with a shim and a container."""
        with self.daemon() as daemon:
            self.host.drop("pub_net.toml", declare(BORROWED))
            wait_for_state(daemon, self.host, "pub_net", "ready")
            self.host.container("web", "pub_net", ip=WEB)
            wait_for_ways(self.host, {WEB: self.host.address})
            wait_until(lambda: f"add route to {WEB}" in self.host.ctl("status", "pub_net").stdout)
            yield daemon

    def draft(self, text: str) -> None:
        """Put a file where the administrator edits one."""
        self.host.path(f"{DRAFTS}/pub_net.toml").write_text(text)

    def answer(self, words: tuple[str, ...]) -> tuple[int, str]:
        """Run macvlanctl in a terminal, with a yes to what it asks; return its exit status and what is shown."""
        environment = {"COLUMNS": COLUMNS, "SSH_CONNECTION": f"192.168.1.7 51234 {self.host.address} 22"}
        terminal = Terminal(self.host, *words, environment=environment, first=f"import os; os.chdir('{DRAFTS}')")
        for question in ("go on? [y/N] ", "(gone in 60 s) ") if words[0] == "try" else ():
            terminal.wait_for(question)
            terminal.type(b"y\n")
        return terminal.end(), terminal.text


# The questions come up


@contextmanager
def all_is_well(stage: Stage) -> Iterator[None]:
    with stage.served():
        yield


@contextmanager
def another_gateway_and_no_daemon(stage: Stage) -> Iterator[None]:
    with stage.served():
        pass
    stage.host.drop("pub_net.toml", OTHER_GATEWAY)
    yield


@contextmanager
def a_typo(stage: Stage) -> Iterator[None]:
    stage.draft(TYPO)
    yield


@contextmanager
def another_gateway_in_a_draft(stage: Stage) -> Iterator[None]:
    stage.draft(OTHER_GATEWAY)
    with stage.served():
        yield


@contextmanager
def a_closed_firewall(stage: Stage) -> Iterator[None]:
    def iptables(*words: str) -> None:
        stage.host.run("iptables-nft", *words, environment=engine.environment())

    with stage.served():
        iptables("-A", "INPUT", "-i", "eth0", "-j", "ACCEPT")
        iptables("-P", "INPUT", "DROP")
        try:
            yield
        finally:
            iptables("-P", "INPUT", "ACCEPT")
            iptables("-F", "INPUT")


@contextmanager
def a_network_made_by_hand(stage: Stage) -> Iterator[None]:
    stage.host.docker("network", "create", *docker_options(), "old_net")
    yield


@contextmanager
def a_parent_that_is_late(stage: Stage) -> Iterator[None]:
    with stage.daemon() as daemon:
        stage.host.drop("pub_net.toml", declare(BORROWED, parent="eth9"))
        wait_for_state(daemon, stage.host, "pub_net", "waiting")
        yield


SCENES: dict[str, Callable[[Stage], AbstractContextManager[None]]] = {
    "Is everything as the files say?": all_is_well,
    "How is this one network, and what became of it?": all_is_well,
    "Whom will it cut off when I start the daemon?": another_gateway_and_no_daemon,
    "Is my file right, before anybody reads it?": a_typo,
    "May I change the network that I am logged in over?": another_gateway_in_a_draft,
    "Why do host and container not reach each other?": a_closed_firewall,
    "Who has which address on the LAN?": all_is_well,
    "What hangs on what?": all_is_well,
    "How do I take over the network that I made by hand?": a_network_made_by_hand,
    "How does a script wait until a network is there?": a_parent_that_is_late,
}


def plain(text: str) -> str:
    """Return *text* without what is another one on each run."""
    for pattern, constant in VOLATILE:
        text = pattern.sub(constant, text)
    return text


def staged(lab: Lab, host: Host) -> Stage:
    """Return the stage on *host*, which has Docker, with a stranger on the LAN."""
    lab.station("camera", f"{CAMERA}/24")
    host.path(DRAFTS).mkdir()
    return Stage(host=host)


@pytest.fixture(scope="module")
def stage(shared_lab: Lab, shared_docker_host: Host) -> Stage:
    return staged(shared_lab, shared_docker_host)


@pytest.mark.parametrize("question", questions(PAGE.read_text()), ids=lambda it: it.title)
@pytest.mark.usefixtures("host")
def test_the_page_has_what_the_command_prints(stage: Stage, question: Question) -> None:
    with SCENES[question.title](stage):
        status, shown = stage.answer(question.words)
    assert (plain(shown), status) == (plain(question.output), question.status)


def test_the_page_has_ten_questions_and_no_other() -> None:
    assert [question.title for question in questions(PAGE.read_text())] == list(SCENES)


def main() -> None:
    """Write the page anew."""
    page = PAGE.read_text()
    with Lab() as lab:
        host = lab.host()
        host.dockerd()
        stage = staged(lab, host)
        for question in questions(page):
            with SCENES[question.title](stage):
                status, shown = stage.answer(question.words)
            tidy(host)
            print(status, question.title)
            head = f"# macvlanctl {shlex.join(question.words)}\n"
            page = page.replace(f"{head}{question.output}```", f"{head}{shown}```")
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
