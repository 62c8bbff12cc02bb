"""The watcher of the directories, on real directories with real inotify.

That something wakes nobody is shown by what comes after it: the events of a directory stay in order.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

import pytest
from watchdog.events import DirModifiedEvent

from macvland.wake import Watcher
from tests.unit.waiting import until

pytestmark = pytest.mark.libraries


@dataclass
class Watched:
    """Two directories, the first of them there, and the file `mark` beside the *.toml files of the first."""

    root: Path
    woken: Event = field(default_factory=Event)
    prodded: Event = field(default_factory=Event)
    marked: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.etc = self.root / "etc" / "macvlan.d"
        self.run = self.root / "run" / "macvlan.d"
        self.socket = self.root / "run" / "docker.sock"
        self.etc.mkdir(parents=True)
        self.run.parent.mkdir()
        (self.etc / "old.toml").write_text("old")
        files = {self.socket: self.prodded.set, self.etc / "mark": self.marked.set}
        self.watcher = Watcher((self.etc, self.run), files, self.woken.set)
        assert self.watcher.arm() == ""

    def wakes(self) -> None:
        """Wait for the wake-up; then arm again as the daemon's pass does."""
        until(self.woken.is_set)
        self.rearm()

    def rearm(self) -> None:
        """Take what is there for granted from now on."""
        assert self.watcher.arm() == ""
        self.mark()
        self.woken.clear()

    def mark(self) -> None:
        """Let the events so far pass."""
        if self.etc.is_dir():
            self.marked.clear()
            (self.etc / "mark").write_text("")
            until(self.marked.is_set)

    def wakes_nobody(self) -> None:
        """Show that nothing so far has woken anybody."""
        self.mark()
        assert not self.woken.is_set()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    fresh = Watched(tmp_path)
    yield fresh
    fresh.watcher.close()


def create(at: Path) -> None:
    (at / "new.toml").write_text("new")


def edit(at: Path) -> None:
    with (at / "old.toml").open("a") as file:
        file.write("more")


def rename_in(at: Path) -> None:
    (at / "new.toml.tmp").write_text("new")
    (at / "new.toml.tmp").rename(at / "new.toml")


def rename_away(at: Path) -> None:
    (at / "old.toml").rename(at / "old.toml.disabled")


def move_out(at: Path) -> None:
    (at / "old.toml").rename(at.parent / "old.toml")


def remove(at: Path) -> None:
    (at / "old.toml").unlink()


def install(at: Path) -> None:
    source = at.parent / "source"
    source.write_text("installed")
    subprocess.run(["install", "-m644", source, at / "old.toml"], check=True)


def edit_with_sed(at: Path) -> None:
    subprocess.run(["sed", "-i", "s/old/new/", at / "old.toml"], check=True)


def truncate(at: Path) -> None:
    (at / "old.toml").write_text("")


def change_rights(at: Path) -> None:
    (at / "old.toml").chmod(0o600)


def change_directory_rights(at: Path) -> None:
    at.chmod(0o700)


def link(at: Path) -> None:
    (at / "masked.toml").symlink_to("/dev/null")


CHANGES = (
    create,
    edit,
    rename_in,
    rename_away,
    move_out,
    remove,
    install,
    edit_with_sed,
    truncate,
    change_rights,
    change_directory_rights,
    link,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_the_files_wakes_the_daemon(watched: Watched, change: Callable[[Path], None]) -> None:
    change(watched.etc)
    until(watched.woken.is_set)


def test_a_second_change_of_rights_wakes_the_daemon_again(watched: Watched) -> None:
    for mode in (0o777, 0o755):
        watched.etc.chmod(mode)
        watched.wakes()


def test_our_own_reading_wakes_nobody(watched: Watched) -> None:
    assert list(watched.etc.iterdir()) == [watched.etc / "old.toml"]
    assert (watched.etc / "old.toml").read_text() == "old"
    watched.wakes_nobody()


@pytest.mark.fault("E65")
def test_swap_and_backup_files_of_editors_wake_nobody(watched: Watched) -> None:
    for name in (".old.toml.swp", "4913", "old.toml~", "#old.toml#", "old.toml.dpkg-new"):
        (watched.etc / name).write_text("noise")
        (watched.etc / name).unlink()
    watched.wakes_nobody()


def test_what_else_happens_beside_a_missing_directory_wakes_nobody(watched: Watched) -> None:
    """/run is a busy place."""
    (watched.run.parent / "other.pid").write_text("1")
    watched.socket.touch()  # its event comes after those of the other file
    until(watched.prodded.is_set)
    watched.wakes_nobody()


@pytest.mark.fault("E75")
def test_a_directory_that_appears_later_wakes_the_daemon_and_is_watched(watched: Watched) -> None:
    watched.run.mkdir()
    watched.wakes()
    create(watched.run)
    until(watched.woken.is_set)


def test_a_directory_whose_parents_are_missing_is_found(tmp_path: Path) -> None:
    woken = Event()
    deep = tmp_path / "usr" / "lib" / "macvlan.d"
    watcher = Watcher((deep,), {}, woken.set)
    watcher.arm()
    for path in (tmp_path / "usr", tmp_path / "usr" / "lib", deep, deep / "new.toml"):
        path.mkdir()
        until(woken.is_set)
        woken.clear()
        watcher.arm()
    watcher.close()


@pytest.mark.fault("E75")
def test_a_directory_that_is_removed_and_made_again_is_watched(watched: Watched) -> None:
    shutil.rmtree(watched.etc)
    watched.wakes()
    watched.etc.mkdir()
    watched.wakes()
    create(watched.etc)
    until(watched.woken.is_set)


@pytest.mark.fault("E75")
def test_a_directory_that_is_removed_and_made_again_at_once_is_watched(watched: Watched) -> None:
    """The new one may well get the inode number of the old one."""
    shutil.rmtree(watched.etc)
    watched.etc.mkdir()
    until(watched.woken.is_set)
    until(lambda: rewatched(watched))


@pytest.mark.fault("E75")
def test_a_directory_that_is_replaced_by_rename_is_watched(watched: Watched) -> None:
    fresh = watched.root / "etc" / "fresh"
    fresh.mkdir()
    watched.etc.rename(watched.root / "etc" / "before")
    fresh.rename(watched.etc)
    until(watched.woken.is_set)
    until(lambda: rewatched(watched))


def rewatched(watched: Watched) -> bool:
    """Tell whether a change in the directory wakes the daemon, which arms the watches at each wake-up."""
    watched.watcher.arm()
    watched.marked.clear()
    (watched.etc / "mark").write_text("")
    return watched.marked.wait(0.1)


@pytest.mark.fault("E67")
def test_the_target_of_a_link_is_watched_where_it_is(watched: Watched) -> None:
    elsewhere = watched.root / "elsewhere"
    elsewhere.mkdir()
    target = elsewhere / "shared.toml"
    target.write_text("one")
    (watched.etc / "linked.toml").symlink_to(target)
    watched.wakes()
    target.write_text("two")
    watched.wakes()
    target.unlink()
    until(watched.woken.is_set)


@pytest.mark.fault("E67")
def test_a_link_to_nothing_is_followed_once_there_is_something(watched: Watched) -> None:
    target = watched.root / "elsewhere" / "shared.toml"
    (watched.etc / "linked.toml").symlink_to(target)
    watched.wakes()
    target.parent.mkdir()
    watched.wakes()
    target.write_text("one")
    until(watched.woken.is_set)


def test_a_socket_that_appears_prods_and_wakes_nobody_else(watched: Watched) -> None:
    with socket.socket(socket.AF_UNIX) as docker:
        docker.bind(str(watched.socket))
        until(watched.prodded.is_set)
    watched.prodded.clear()
    watched.socket.unlink()
    until(watched.prodded.is_set)
    watched.wakes_nobody()


def test_a_link_to_nothing_that_is_put_in_place_by_a_rename_prods(watched: Watched) -> None:
    """As systemd says that docker.service starts, for the first time and again."""
    for invocation in ("1", "2"):
        watched.prodded.clear()
        new = watched.socket.with_name(".#new")
        new.symlink_to(invocation)
        new.replace(watched.socket)
        until(watched.prodded.is_set)
    watched.wakes_nobody()


def test_a_socket_whose_directory_is_missing_prods_once_it_is_there(tmp_path: Path) -> None:
    prodded, woken = Event(), Event()
    path = tmp_path / "run" / "docker" / "docker.sock"
    watcher = Watcher((tmp_path / "etc",), {path: prodded.set}, woken.set)
    watcher.arm()
    path.parent.mkdir(parents=True)
    until(woken.is_set)
    watcher.arm()
    path.touch()
    until(prodded.is_set)
    watcher.close()


@pytest.mark.fault("E77")
def test_what_cannot_be_watched_is_told(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    watched.run.mkdir()
    monkeypatch.setattr(watched.watcher._observer, "schedule", refuse)
    assert watched.watcher.arm() == f"cannot watch {watched.run}: Too many open files"
    monkeypatch.undo()
    assert watched.watcher.arm() == ""


def test_a_directory_that_is_given_up_while_it_is_told_of_harms_no_thread(watched: Watched) -> None:
    away = watched.root / "away"
    for steps in count(1):  # once before each line of the watcher that is passed, until the last one
        countdown = steps

        def pass_line(_frame: FrameType, event: str, _: Any) -> Any:
            nonlocal countdown
            countdown -= event == "line"
            if not countdown and watched.etc.exists():
                watched.etc.rename(away)
                assert watched.watcher.arm() == ""
            return pass_line

        sys.settrace(pass_line)
        try:
            watched.watcher.dispatch(DirModifiedEvent(str(watched.etc)))
        finally:
            sys.settrace(None)
        if watched.etc.exists():
            break
        away.rename(watched.etc)
        assert watched.watcher.arm() == ""
    assert steps > 10, "else no line of the watcher was met"
