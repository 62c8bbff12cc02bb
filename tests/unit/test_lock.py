"""One daemon at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from macvland.lock import Lock, TakenError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "macvland" / "lock"


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.fault("A9")
def test_a_second_holder_is_refused(path: Path) -> None:
    Lock(path).hold()
    with pytest.raises(TakenError, match=f"another macvland holds {path}"):
        Lock(path).hold()


def test_who_is_refused_keeps_nothing_open(path: Path) -> None:
    Lock(path).hold()
    before = descriptors()
    with pytest.raises(TakenError):
        Lock(path).hold()
    assert descriptors() == before


def test_to_hold_it_again_changes_nothing(path: Path) -> None:
    lock = Lock(path)
    lock.hold()
    before = (path.stat().st_ino, descriptors())
    lock.hold()
    assert (path.stat().st_ino, descriptors()) == before


@pytest.mark.fault("A10")
def test_the_file_of_a_process_that_is_gone_is_in_nobodys_way(path: Path) -> None:
    program = (
        f"from macvland.lock import Lock; import os, pathlib; Lock(pathlib.Path({str(path)!r})).hold(); os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 1
    assert path.exists()
    Lock(path).hold()


@pytest.mark.parametrize("also_the_directory", [False, True], ids=["the file", "/run wiped"])
@pytest.mark.fault("F83")
def test_a_lock_whose_file_was_removed_is_taken_again(path: Path, *, also_the_directory: bool) -> None:
    lock = Lock(path)
    lock.hold()
    path.unlink()
    if also_the_directory:
        path.parent.rmdir()
    lock.hold()
    with pytest.raises(TakenError):
        Lock(path).hold()


def test_a_lock_that_another_took_meanwhile_is_theirs(path: Path) -> None:
    lock, other = Lock(path), Lock(path)
    lock.hold()
    path.unlink()
    other.hold()
    with pytest.raises(TakenError):
        lock.hold()


@pytest.mark.fault("F81")
def test_a_disk_that_refuses_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "macvland").write_text("a file in the place of the directory")
    with pytest.raises(OSError, match="macvland"):
        Lock(tmp_path / "macvland" / "lock").hold()


def test_a_link_in_the_place_of_the_file_is_not_followed(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(OSError, match="lock"):
        Lock(path).hold()
    assert not (path.parent / "elsewhere").exists()
