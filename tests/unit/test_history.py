"""What macvland remembers of a Docker holds for one run of it."""

import json
from pathlib import Path

from macvland.condition.docker import LOST, LOST_TO_ANOTHER
from macvland.engine.history import KNOWN, History


def test_a_verdict_on_a_docker_that_nobody_had_looked_at_since_its_start_is_kept(tmp_path: Path) -> None:
    pidfile = tmp_path / "docker.pid"
    history = History(tmp_path / "docker.json", pidfile)
    history.judge("old", KNOWN)
    pidfile.write_text("1")
    history.judge("new", LOST("lan"))
    assert history.verdicts() == {"new": LOST("lan")}


def test_what_was_found_out_outlives_the_daemon_and_not_docker(tmp_path: Path) -> None:
    file, pidfile = tmp_path / "docker.json", tmp_path / "docker.pid"
    pidfile.write_text("1")
    history = History(file, pidfile)
    lost = LOST_TO_ANOTHER("lan", other="zoo", parent="eth0")
    history.judge("known", KNOWN)
    history.judge("lost", lost)
    history.save()
    assert History(file, pidfile).verdicts() == {"known": KNOWN, "lost": lost}
    pidfile.unlink()
    assert History(file, pidfile).verdicts() == {}


def test_a_verdict_that_an_older_macvland_wrote_in_words_is_found_out_anew(tmp_path: Path) -> None:
    pidfile = tmp_path / "docker.pid"
    pidfile.write_text("1")
    found = pidfile.stat()
    written = {"run": [found.st_ino, found.st_mtime_ns], "verdicts": {"known": "", "lost": "forgotten"}, "links": {}}
    (tmp_path / "docker.json").write_text(json.dumps(written))
    assert History(tmp_path / "docker.json", pidfile).verdicts() == {"known": KNOWN}
