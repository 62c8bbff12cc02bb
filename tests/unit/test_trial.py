"""Files on trial: when one counts, how it comes and goes, and which of several there may be."""

import os
import stat
from pathlib import Path

import pytest

from macvland.cli.try_.trial import TrialError, alone, keep, place, withdraw
from macvland.config import Config, read, tried
from macvland.config.trial import clock, end_of, stamped
from tests.unit.samples import HERE
from tests.unit.test_config_files import good

HOUR = 3600.0


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "try"
    path.mkdir(mode=0o755)
    monkeypatch.setattr("macvland.config.reading.TRIALS", path)
    return path


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    path = tmp_path / "etc"
    path.mkdir(mode=0o755)
    (path / "pub_net.toml").write_text(good(1))
    return path


def counting(config: Config) -> list[str]:
    return [declaration.file.parent.name for declaration in config.declarations]


# When it counts


@pytest.mark.parametrize("text", [b"", b"a", b"a\n", b"a\r\n", b"a\n\n"])
def test_a_trial_says_itself_when_it_is_over(text: bytes) -> None:
    assert end_of(stamped(text, 1234.5)) == 1234.5
    assert stamped(text, 1234.5).startswith(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        good().encode(),
        stamped(b"a\n", HOUR) + b"b\n",
        stamped(b"a\n", HOUR)[:-1],
        b"x" + stamped(b"", HOUR).lstrip(b"\n"),
        stamped(b"a", HOUR).replace(b"3600", b"nan"),
    ],
    ids=["a link to /dev/null", "empty", "no end", "an end before the end", "torn", "within a line", "no number"],
)
def test_a_file_that_does_not_say_it_was_over_long_ago(text: bytes | None) -> None:
    assert end_of(text) == 0.0


def test_a_trial_masks_all_others_of_its_name_and_moves_no_line(trials: Path, etc: Path) -> None:
    end = clock() + HOUR
    (trials / "pub_net.toml").write_bytes(stamped(good(2).encode(), end))
    config = read(HERE, [trials, etc])
    assert (counting(config), config.errors) == (["try"], ())
    assert config.changes == pytest.approx(end, abs=0.001)


@pytest.mark.parametrize("text", [stamped(good(2).encode(), 1.0), good(2).encode(), b"broken"])
def test_a_trial_that_is_over_or_none_masks_nothing(text: bytes, trials: Path, etc: Path) -> None:
    (trials / "pub_net.toml").write_bytes(text)
    (trials / "other.toml").symlink_to("/dev/null")
    (etc / "other.toml").write_text(good(3))
    config = read(HERE, [trials, etc])
    assert (counting(config), config.errors, config.changes) == (["etc", "etc"], (), None)


def test_an_end_means_something_on_trial_only(trials: Path, etc: Path) -> None:
    (etc / "pub_net.toml").write_bytes(stamped(good(1).encode(), 1.0))
    assert counting(read(HERE, [trials, etc])) == ["etc"]


def test_the_next_change_is_the_end_of_the_first_trial(trials: Path) -> None:
    first = clock() + HOUR
    for number, end in enumerate((first + HOUR, first)):
        (trials / f"net{number}.toml").write_bytes(stamped(good(number).encode(), end))
    assert read(HERE, [trials]).changes == pytest.approx(first, abs=0.001)


def test_a_file_is_rehearsed_without_being_there(etc: Path, tmp_path: Path) -> None:
    file = tmp_path / "pub_net.toml"
    assert [one.file for one in tried(file, good(2).encode(), HERE, [etc]).declarations] == [file]
    assert counting(read(HERE, [etc])) == ["etc"]


def test_a_file_is_rehearsed_with_those_that_it_has_to_get_along_with(etc: Path, tmp_path: Path) -> None:
    (error,) = tried(tmp_path / "a.toml", good(1).encode(), HERE, [etc]).errors
    assert "range" in str(error)


# How it comes and goes


def test_a_trial_is_placed_whole_and_readable_by_the_daemon(trials: Path) -> None:
    before = os.umask(0o077)
    try:
        file = place("pub_net.toml", b"text", 5.0, trials)
    finally:
        os.umask(before)
    assert file.read_bytes() == stamped(b"text", 5.0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(trials.iterdir()) == [file]


def test_a_trial_is_withdrawn_once(trials: Path) -> None:
    file = place("pub_net.toml", b"text", 5.0, trials)
    assert (withdraw(file), withdraw(file), list(trials.iterdir())) == (True, False, [])


@pytest.mark.parametrize("link", [False, True], ids=["a file", "a link"])
def test_what_is_kept_takes_the_place_of_what_was_there(link: bool, trials: Path, etc: Path, tmp_path: Path) -> None:  # noqa: FBT001
    if link:
        (tmp_path / "target").write_text("stays")
        (etc / "pub_net.toml").unlink()
        (etc / "pub_net.toml").symlink_to(tmp_path / "target")
    file = place("pub_net.toml", b"text", 5.0, trials)
    kept = keep(file, b"text", etc)
    assert (kept, kept.is_symlink(), kept.read_bytes()) == (etc / "pub_net.toml", False, b"text")
    assert (list(trials.iterdir()), list(etc.iterdir())) == ([], [kept])
    assert not link or (tmp_path / "target").read_text() == "stays"


def test_what_cannot_be_kept_leaves_the_trial_and_nothing_half_written(trials: Path, tmp_path: Path) -> None:
    file = place("pub_net.toml", b"text", 5.0, trials)
    with pytest.raises(OSError, match="No such file"):
        keep(file, b"text", tmp_path / "none")
    assert file.exists()


def test_what_is_kept_is_kept_even_if_its_trial_cannot_be_removed(tmp_path: Path, etc: Path) -> None:
    stuck = tmp_path / "pub_net.toml"
    stuck.mkdir()
    assert keep(stuck, b"text", etc).read_bytes() == b"text"


# One at a time


def test_the_directory_is_made_readable_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with alone(tmp_path / "macvlan.d" / "try"):
            pass
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "macvlan.d", tmp_path / "macvlan.d/try")]
    assert modes == [0o755, 0o755]


def test_only_one_file_is_on_trial_at_a_time(trials: Path) -> None:
    with alone(trials), pytest.raises(TrialError, match="answer its macvlanctl first"), alone(trials):
        pass
    with alone(trials):
        pass


def test_one_that_was_killed_is_waited_for_and_swept_away_when_it_is_over(trials: Path) -> None:
    left = place("pub_net.toml", b"text", clock() + HOUR, trials)
    with pytest.raises(TrialError, match=r"wait 3600 s, or remove .*/try/pub_net\.toml"), alone(trials):
        pass
    assert left.exists()
    place("pub_net.toml", b"text", 5.0, trials)
    (trials / ".pub_net.toml.new").write_text("half")
    with alone(trials):
        assert list(trials.iterdir()) == []
