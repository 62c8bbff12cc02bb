"""Rows E62 to E80: what happens to files, and what must not happen to networks meanwhile.

One host serves all of them: 'pub_net', whose file suffers, and 'calm', which is not concerned and loses no packet.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from macvland.memory import GRACE
from tests.faults.daemon import Daemon
from tests.faults.invariants import idle
from tests.lab import Host, Lab, wait_until
from tests.scene import (
    BORROWED,
    OWN,
    Serving,
    add_nic,
    add_strangers,
    declare,
    foreign,
    lines,
    network_status,
    networks,
    shims,
    tidy,
    unbroken_ping,
    wait_for_lines,
    wait_for_state,
    wait_for_ways,
    ways,
)

WEB, QUIET = "192.168.1.51", "10.9.9.51"
HOST, SHIM = "192.168.1.50", "192.168.1.223"
PUB, PUB_OWN = declare(BORROWED), declare(OWN)
CALM = declare(BORROWED, parent="eth1", lan="10.9.9")
SPARE = declare(BORROWED, parent="eth2", lan="10.7.7")
FILES = "/etc/macvlan.d"


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with a container on each of its two networks, and a parent to spare."""
    it = shared_docker_host
    add_nic(it, "eth1", "10.9.9.50/24")
    add_nic(it, "eth2", "10.7.7.50/24")
    serving = Serving(it)
    reset(it)
    daemon = serving()
    for name, network, address in (("web", "pub_net", WEB), ("quiet", "calm", QUIET)):
        wait_for_state(daemon, it, network, "ready")
        it.container(name, network, ip=address)
    serving.stop()
    yield it
    tidy(it)


@pytest.fixture
def serve(host: Host) -> Iterator[Serving]:
    serving = Serving(host)
    yield serving
    serving.stop()


@pytest.fixture
def daemon(host: Host, serve: Serving) -> Iterator[Daemon]:
    """A daemon that serves both networks, of which 'calm' loses no packet while the test lasts."""
    reset(host)
    daemon = serve()
    for name in ("pub_net", "calm"):
        wait_for_state(daemon, host, name, "ready")
    wait_for_ways(host, {WEB: HOST})
    wait_for_ways(host, {QUIET: "10.9.9.50"}, shim="mv-calm")
    wait_for_state(daemon, host, "spare", "gone")  # what an earlier test left, until the log has it too
    wait_until(lambda: networks(host).keys() == {"pub_net", "calm"} and shims(host) == ["mv-calm", "mv-pub_net"])
    with unbroken_ping(host, QUIET):
        yield daemon


def reset(host: Host) -> None:
    """Put the two files into place, and nothing else."""
    host.run("sh", "-c", f"rm -rf {FILES} /run/macvlan.d /etc/elsewhere && mkdir {FILES}")
    host.drop("pub_net.toml", PUB)
    host.drop("calm.toml", CALM)


def pub(host: Host) -> Path:
    """Return the file that suffers, as it is reached from outside."""
    return host.path(f"{FILES}/pub_net.toml")


def shell(host: Host, script: str) -> None:
    """Run *script* where the files are."""
    host.run("sh", "-ec", f"cd {FILES}\n{script}")


def outlast_a_removal(daemon: Daemon) -> None:
    """Let the time pass after which a removal counts; the daemon must live on."""
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(2 * GRACE)


def meets(host: Host, address: str) -> bool:
    """Tell whether the container is reached from *address*."""
    return ways(host)[0] == {WEB: address}


# Half a file


@pytest.mark.fault("E62")
@pytest.mark.parametrize("half", [PUB[: len(PUB) // 2], PUB[:-1]], ids=["in a table", "in the last line"])
def test_a_file_that_is_written_slowly_is_held_until_it_is_whole(host: Host, daemon: Daemon, half: str) -> None:
    logged = len(lines(daemon))
    before = (networks(host), shims(host), ways(host))
    with unbroken_ping(host, WEB):
        with pub(host).open("w") as file:  # truncated
            wait_for_state(daemon, host, "pub_net", "failed")
            file.write(half)
            file.flush()
            wait_until(lambda: "is empty" not in str(network_status(host, "pub_net")))
            outlast_a_removal(daemon)
            assert (networks(host), shims(host), ways(host)) == before
            file.write(PUB[len(half) :])
        wait_for_state(daemon, host, "pub_net", "ready")
    told = lines(daemon, logged)
    assert len(told) == len(set(told))
    assert [line for line in told if "pub_net: add" in line or "pub_net: delete" in line] == []


@pytest.mark.fault("E63")
def test_an_empty_file_is_an_error_and_never_a_removal(host: Host, daemon: Daemon) -> None:
    logged = len(lines(daemon))
    before = (networks(host), shims(host), ways(host))
    with unbroken_ping(host, WEB):
        pub(host).write_text("")
        failed = wait_for_state(daemon, host, "pub_net", "failed")
        outlast_a_removal(daemon)
        assert (networks(host), shims(host), ways(host)) == before
        pub(host).write_text(PUB)
        wait_for_state(daemon, host, "pub_net", "ready")
    (reason,) = failed.reasons
    wait_for_lines(
        daemon,
        f"macvland: error: {reason}",
        f"macvland: error: pub_net: failed: {reason}",
        f"macvland: no longer so: {reason}",
        "macvland: pub_net: ready",
        after=logged,
    )


# How editors and programs save


@pytest.mark.fault("E64")
@pytest.mark.parametrize(
    "save",
    [
        "mv /etc/new pub_net.toml",
        "cp /etc/new .pub_net.toml.tmp && mv .pub_net.toml.tmp pub_net.toml",
        "ln /etc/new linked && mv linked pub_net.toml",
        "cp /etc/new pub_net.toml",
        "sed -i '/shim/a address = \"192.168.1.223\"' pub_net.toml",
        "mv pub_net.toml pub_net.toml~ && cp /etc/new pub_net.toml && rm pub_net.toml~",
    ],
    ids=["rename", "rename here", "hard link", "write", "sed -i", "vim with backup"],
)
def test_every_way_of_saving_arrives_and_takes_nothing_down(host: Host, daemon: Daemon, save: str) -> None:
    host.path("/etc/new").write_text(PUB_OWN)
    logged = len(lines(daemon))
    shell(host, save)
    last = f"macvland: pub_net: change route to {WEB} over shim 'mv-pub_net' from {SHIM}: source {HOST} -> {SHIM}"
    wait_until(lambda: last in lines(daemon, logged))
    told = lines(daemon, logged)
    assert [line for line in told if "delete shim" in line or "Docker network" in line] == []
    host.ping(WEB)


@pytest.mark.fault("E64")
def test_a_rename_over_the_file_with_the_same_content_is_nothing(host: Host, daemon: Daemon) -> None:
    logged = len(lines(daemon))
    with unbroken_ping(host, WEB):
        for _ in range(20):
            host.drop("pub_net.toml", PUB)
        host.drop("spare.toml", SPARE)
        wait_for_state(daemon, host, "spare", "ready")
    assert [line for line in lines(daemon, logged) if "pub_net" in line] == []


@pytest.mark.fault("E65")
def test_what_editors_and_package_managers_leave_is_no_declaration(host: Host, daemon: Daemon) -> None:
    logged = len(lines(daemon))
    names = (
        "pub_net.toml~",
        ".pub_net.toml.swp",
        ".pub_net.toml",
        "#pub_net.toml#",
        ".#pub_net.toml",
        "4913",
        "pub_net.toml.dpkg-new",
        "pub_net.toml.dpkg-old",
        "pub_net.toml.rpmsave",
        "pub_net.toml.rpmnew",
        "pub_net.toml.bak",
        "~pub_net.toml",
        "README",
    )
    for name in names:
        host.drop(name, "[network\nthis is no TOML")
    shell(host, "ln -s nobody@nowhere:1 '.#calm.toml'")
    host.drop("spare.toml", SPARE)
    wait_for_state(daemon, host, "spare", "ready")
    wait_for_lines(
        daemon,
        "macvland: spare: add shim 'mv-spare' on 'eth2'",
        "macvland: spare: add Docker network 'spare' on 'eth2' with 10.7.7.0/24",
        "macvland: spare: ready",
        after=logged,
    )


@pytest.mark.fault("E66")
def test_install_deletes_and_creates_and_nothing_happens(host: Host, daemon: Daemon) -> None:
    host.path("/etc/new").write_text(PUB)
    logged = len(lines(daemon))
    with unbroken_ping(host, WEB):
        shell(host, "for i in 1 2 3 4 5 6 7 8 9 10; do install -m 644 /etc/new pub_net.toml; done")
        host.drop("spare.toml", SPARE)
        wait_for_state(daemon, host, "spare", "ready")
    changed = [line for line in lines(daemon, logged) if "pub_net: add" in line or "pub_net: delete" in line]
    assert (changed, meets(host, HOST)) == ([], True)


@pytest.mark.fault("E66")
def test_a_file_that_is_gone_for_a_moment_was_never_gone(host: Host, daemon: Daemon) -> None:
    logged = len(lines(daemon))
    with unbroken_ping(host, WEB):
        host.remove("pub_net.toml")
        wait_for_state(daemon, host, "pub_net", "leaving")
        host.drop("pub_net.toml", PUB)
        wait_for_state(daemon, host, "pub_net", "ready")
        outlast_a_removal(daemon)
    wait_for_lines(
        daemon,
        "macvland: pub_net: leaving: its file is gone; it stays until that is certain",
        "macvland: pub_net: ready",
        after=logged,
    )


# Links


def link_to(host: Host, target: str) -> None:
    """Put a link to *target* in the place of the file."""
    shell(host, f"ln -sfn {target} .new && mv -T .new pub_net.toml")


@pytest.mark.fault("E67")
@pytest.mark.usefixtures("daemon")
def test_the_file_that_a_link_names_is_edited_elsewhere(host: Host) -> None:
    shell(host, "mkdir -p /etc/elsewhere && cp pub_net.toml /etc/elsewhere/pub.toml")
    with unbroken_ping(host, WEB):
        link_to(host, "/etc/elsewhere/pub.toml")
        host.drop("spare.toml", SPARE)
        wait_until(lambda: "mv-spare" in shims(host))  # the link is seen as well
    target = host.path("/etc/elsewhere/pub.toml")
    target.write_text(PUB_OWN)
    wait_until(lambda: meets(host, SHIM), what="the edit of the target")
    new = target.with_name("new")
    new.write_text(PUB)
    new.replace(target)
    wait_until(lambda: meets(host, HOST), what="the rename over the target")


@pytest.mark.fault("E67")
def test_a_link_to_nothing_is_an_error_that_holds_its_network(host: Host, daemon: Daemon) -> None:
    shell(host, "mkdir -p /etc/elsewhere && cp pub_net.toml /etc/elsewhere/pub.toml")
    link_to(host, "/etc/elsewhere/pub.toml")
    target = host.path("/etc/elsewhere/pub.toml")
    with unbroken_ping(host, WEB):
        target.unlink()
        failed = wait_for_state(daemon, host, "pub_net", "failed")
        assert failed.reasons == (
            "/etc/macvlan.d/pub_net.toml: is a link to nothing; link it to /dev/null to mask the network",
        )
        outlast_a_removal(daemon)
        target.write_text(PUB)
        wait_for_state(daemon, host, "pub_net", "ready")
        shell(host, "rm -r /etc/elsewhere")
        wait_for_state(daemon, host, "pub_net", "failed")
        target.parent.mkdir()
        target.write_text(PUB)
        wait_for_state(daemon, host, "pub_net", "ready")


@pytest.mark.fault("E67")
@pytest.mark.usefixtures("daemon")
def test_a_link_on_the_way_to_the_file_is_turned_to_another_version(host: Host) -> None:
    """As configuration management switches a whole directory of versions at once."""
    shell(host, "mkdir -p /etc/elsewhere/one /etc/elsewhere/two && ln -s one /etc/elsewhere/current")
    host.path("/etc/elsewhere/one/pub.toml").write_text(PUB_OWN)
    host.path("/etc/elsewhere/two/pub.toml").write_text(PUB)
    link_to(host, "/etc/elsewhere/current/pub.toml")
    wait_until(lambda: meets(host, SHIM), what="the link")
    shell(host, "ln -s two /etc/elsewhere/new && mv -T /etc/elsewhere/new /etc/elsewhere/current")
    wait_until(lambda: meets(host, HOST), what="the switch of the link in between")


# Two that want the same


@pytest.mark.fault("E74")
@pytest.mark.fault("B35")
def test_of_two_files_that_declare_the_same_the_same_one_wins_at_every_start(
    host: Host, daemon: Daemon, serve: Serving
) -> None:
    with unbroken_ping(host, WEB):
        host.drop("zulu.toml", declare(BORROWED, parent="eth2"))
        reasons = wait_for_state(daemon, host, "zulu", "failed").reasons
        for reason in reasons:
            assert reason.startswith("/etc/macvlan.d/zulu.toml:")
            assert "'/etc/macvlan.d/pub_net.toml'" in reason
        for _ in range(2):
            daemon.kill()
            daemon = serve()
            assert wait_for_state(daemon, host, "zulu", "failed").reasons == reasons
            wait_for_state(daemon, host, "pub_net", "ready")
    assert networks(host).keys() == {"pub_net", "calm"}


@pytest.mark.fault("E74")
def test_a_file_that_comes_first_takes_nothing_from_a_network_that_runs(host: Host, daemon: Daemon) -> None:
    before = networks(host)
    with unbroken_ping(host, WEB):
        host.drop("alpha.toml", declare(BORROWED, parent="eth2"))
        failed = wait_for_state(daemon, host, "pub_net", "failed")
        assert "'/etc/macvlan.d/alpha.toml' has 192.168.1.1 already" in failed.reasons[0]
        wait_for_state(daemon, host, "alpha", "failed")  # Docker has these addresses in use
        outlast_a_removal(daemon)
        assert networks(host) == before
        host.remove("alpha.toml")
        wait_for_state(daemon, host, "pub_net", "ready")
        wait_for_state(daemon, host, "alpha", "gone")
    assert shims(host) == ["mv-calm", "mv-pub_net"]


# The directory

VANISHED = f"{FILES} vanished or was replaced: its networks stay until it is back or macvland is reloaded"


def remove_directory(host: Host) -> None:
    shell(host, f"rm -r {FILES}")


def replace_directory(host: Host) -> None:
    shell(host, f"mkdir /etc/fresh && mv {FILES} /etc/old && mv /etc/fresh {FILES} && rm -r /etc/old")


@pytest.mark.fault("E75")
@pytest.mark.parametrize("lose", [remove_directory, replace_directory], ids=["removed", "replaced"])
def test_a_directory_that_goes_takes_no_network_with_it_and_is_watched_again(
    host: Host, daemon: Daemon, lose: Callable[[Host], None]
) -> None:
    logged = len(lines(daemon))
    with unbroken_ping(host, WEB):
        lose(host)
        wait_until(lambda: f"macvland: warning: {VANISHED}, ignoring" in lines(daemon, logged))
        outlast_a_removal(daemon)
        assert shims(host) == ["mv-calm", "mv-pub_net"]
        host.path(FILES).mkdir(exist_ok=True)
        host.drop("calm.toml", CALM)
        host.drop("pub_net.toml", PUB)
        wait_for_state(daemon, host, "pub_net", "ready")
        wait_for_state(daemon, host, "calm", "ready")
    host.drop("pub_net.toml", PUB_OWN)
    wait_until(lambda: meets(host, SHIM), what="an edit in the new directory")
    host.remove("pub_net.toml")
    wait_for_state(daemon, host, "pub_net", "leaving")
    daemon.signal(signal.SIGHUP)  # it was meant
    wait_until(lambda: shims(host) == ["mv-calm"])


@pytest.mark.fault("E75")
def test_a_directory_that_is_mounted_over_takes_no_network_with_it_and_comes_back(host: Host, daemon: Daemon) -> None:
    with unbroken_ping(host, WEB):
        host.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", FILES)
        try:
            host.ip("address", "add", "10.7.7.60/32", "dev", "eth2")  # a mount wakes nobody, this does
            daemon.wait_for(VANISHED)
            outlast_a_removal(daemon)
            assert shims(host) == ["mv-calm", "mv-pub_net"]
        finally:
            host.run("umount", FILES)
            host.ip("address", "delete", "10.7.7.60/32", "dev", "eth2")
        wait_for_state(daemon, host, "pub_net", "ready")
    host.drop("pub_net.toml", PUB_OWN)
    wait_until(lambda: meets(host, SHIM), what="an edit after the unmount")


@pytest.mark.fault("E75")
def test_a_directory_that_appears_later_is_watched_from_then_on(host: Host, daemon: Daemon) -> None:
    directory = host.path("/run/macvlan.d")
    directory.mkdir()
    (directory / "spare.toml").write_text(SPARE)
    wait_for_state(daemon, host, "spare", "ready")
    (directory / "spare.toml").unlink()
    wait_for_state(daemon, host, "spare", "gone")


@pytest.mark.fault("E75")
def test_a_directory_that_is_a_link_is_watched_where_it_leads(host: Host, serve: Serving) -> None:
    reset(host)
    shell(host, f"mkdir /etc/elsewhere && mv {FILES} /etc/elsewhere/macvlan.d && ln -s elsewhere/macvlan.d {FILES}")
    daemon = serve()
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: HOST})
    idle(daemon)
    (host.path("/etc/elsewhere/macvlan.d") / "pub_net.toml").write_text(PUB_OWN)
    wait_until(lambda: meets(host, SHIM), what="an edit in the directory that the link names")


# Too much, and too little


@pytest.mark.fault("E76")
def test_a_queue_that_overflowed_hides_nothing(host: Host, daemon: Daemon) -> None:
    """What floods is nothing that would count; the one event that matters is lost behind it."""
    idle(daemon)
    noise, other = host.path(f"{FILES}/.noise"), host.path(f"{FILES}/.other")
    noise.write_text("")
    with unbroken_ping(host, WEB):
        daemon.signal(signal.SIGSTOP)
        for _ in range(10_000):  # four events each; the queue holds 16,384
            noise.rename(other)
            other.rename(noise)
        host.drop("spare.toml", SPARE)
        daemon.signal(signal.SIGCONT)
        wait_for_state(daemon, host, "spare", "ready", 20)


@pytest.mark.fault("E77")
@pytest.mark.parametrize(
    ("call", "error"),
    [("inotify_add_watch", "ENOSPC"), ("inotify_init,inotify_init1", "EMFILE")],
    ids=["ENOSPC", "EMFILE"],
)
def test_without_watches_a_slow_look_and_a_reload_remain(host: Host, serve: Serving, call: str, error: str) -> None:
    reset(host)
    # -I 2: the tracer can be told to go, and no seccomp filter of its own stays behind.
    injection = ("-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    daemon = serve("strace", "-D", "-f", "-I", "2", "-qq", "-o", "/run/strace.log", *injection, "--")
    wait_for_state(daemon, host, "pub_net", "ready", 20)
    wait_for_ways(host, {WEB: HOST})
    idle(daemon)
    pub(host).write_text(PUB_OWN)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: meets(host, SHIM), 20)
    warnings = [line for line in daemon.warnings() if "cannot watch" in line]
    assert [line.partition(" ")[2].split(":")[0] for line in warnings] == ["warning"]

    os.kill(tracer(daemon), signal.SIGTERM)  # there is room again
    wait_until(lambda: tracer(daemon) == 0)
    daemon.signal(signal.SIGHUP)
    idle(daemon)
    pub(host).write_text(PUB)
    wait_until(lambda: meets(host, HOST), 20)
    assert [line for line in daemon.warnings() if "cannot watch" in line] == warnings


def tracer(daemon: Daemon) -> int:
    """Return the PID of the strace behind *daemon*, 0 if there is none."""
    return int(Path(f"/proc/{daemon.pid}/status").read_text().partition("TracerPid:")[2].split()[0])


@pytest.mark.fault("E78")
def test_a_flood_of_edits_ends_in_the_last_one_and_in_rest(host: Host, daemon: Daemon) -> None:
    file, new = pub(host), host.path("/etc/new")
    texts = [declare(OWN.replace("223", str(last))) for last in range(193, 223)]
    edits, end = 0, time.monotonic() + 2
    while time.monotonic() < end:
        new.write_text(texts[edits % len(texts)])
        new.replace(file)
        file.write_text(texts[(edits + 1) % len(texts)])
        edits += 2
    file.write_text(PUB_OWN)
    assert edits > 1000
    wait_until(lambda: meets(host, SHIM), 20)
    idle(daemon)
    assert meets(host, SHIM)
    host.ping(WEB)


@pytest.mark.fault("E79")
def test_one_bad_file_of_a_hundred_leaves_ninety_nine(shared_lab: Lab) -> None:
    host = shared_lab.host("crowded", "192.168.1.70/24")
    for number in range(100):
        host.drop(f"n{number}.toml", declare(BORROWED, lan=f"10.1.{number}"))
    host.drop("n50.toml", "[network\n")
    serving = Serving(host)
    daemon = serving()
    wait_until(lambda: len(shims(host)) == 99, 20)
    assert "mv-n50" not in shims(host)
    assert [line for line in lines(daemon) if "error" in line and "n50" not in line] == []
    host.drop("n50.toml", declare(BORROWED, lan="10.1.50"))
    wait_until(lambda: len(shims(host)) == 100, 20)
    serving.stop()


@pytest.mark.fault("E80")
def test_a_file_that_is_gone_for_good_takes_only_what_is_ours_and_unused(host: Host, daemon: Daemon) -> None:
    add_strangers(host)
    others = ("--driver", "macvlan", "--opt", "parent=mv-bridge", "--subnet", "10.8.8.0/24")
    host.docker("network", "create", *others, "stranger")
    before = foreign(host)
    host.drop("spare.toml", SPARE)
    wait_for_state(daemon, host, "spare", "ready")
    host.remove("spare.toml")
    host.remove("pub_net.toml")
    wait_for_state(daemon, host, "spare", "gone")
    wait_until(lambda: shims(host) == ["mv-calm"])
    wait_until(lambda: "'web' leaves" in str(network_status(host, "pub_net")))
    leaving = wait_for_state(daemon, host, "pub_net", "leaving")
    assert leaving.reasons == ("its file is gone; it goes when 'web' leaves it",)
    assert networks(host).keys() == {"pub_net", "calm", "stranger"}
    assert foreign(host) == before
