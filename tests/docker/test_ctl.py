"""macvlanctl on a real host: plan, apply, check and status tell what the daemon does, and do nothing themselves."""

import json
import signal
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.faults.daemon import Daemon
from tests.lab import Host, wait_until
from tests.scene import (
    BORROWED,
    OWN,
    Serving,
    declare,
    network_status,
    networks,
    shims,
    status,
    wait_for_state,
)

HOST = "192.168.1.50"


def ctl(host: Host, *arguments: str) -> tuple[int, str, str]:
    done = host.ctl(*arguments)
    return done.returncode, done.stdout, done.stderr


def ctl_json(host: Host, *arguments: str) -> tuple[int, Any]:
    done = host.ctl(*arguments, "--json")
    return done.returncode, json.loads(done.stdout)


def test_macvlanctl_plan_says_what_would_be_done_and_does_nothing(host: Host, serve: Serving) -> None:
    assert ctl(host, "plan") == (0, "nothing to do\n", "")
    host.drop("pub_net.toml", declare(OWN))
    steps = [
        "add shim 'mv-pub_net' on 'eth0'",
        "add address 192.168.1.223 on shim 'mv-pub_net'",
        "add Docker network 'pub_net' on 'eth0' with 192.168.1.0/24",
    ]
    assert ctl(host, "plan") == (2, "pub_net\n" + "".join(f"  {step}\n" for step in steps), "")
    assert ctl_json(host, "plan") == (
        2,
        {
            "version": 1,
            "actions": [{"network": "pub_net", "action": step, "disrupts": None} for step in steps],
            "obstacles": [],
            "conditions": [],
            "errors": [],
        },
    )
    assert (networks(host), shims(host)) == ({}, [])
    wait_for_state(serve(), host, "pub_net", "ready")
    assert ctl(host, "plan") == (0, "nothing to do\n", "")


@pytest.mark.fault("B34")
def test_macvlanctl_plan_fails_on_a_broken_file(host: Host) -> None:
    host.drop("pub_net.toml", declare(OWN).replace("gateway", "gatway"))
    code, plan = ctl_json(host, "plan")
    assert (code, plan["actions"]) == (1, [])
    missing, unknown = plan["errors"]
    assert missing.startswith("/etc/macvlan.d/pub_net.toml:4: subnet[1].gateway: is missing; ")
    assert unknown == (
        "/etc/macvlan.d/pub_net.toml:6: subnet[1].gatway: there is no such key in [[subnet]]; did you mean `gateway`?"
    )
    assert ctl(host, "plan") == (1, "nothing to do\n", "".join(f"{error}\n" for error in plan["errors"]))


def test_macvlanctl_plan_marks_whom_a_replacement_cuts_off(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare())
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip="192.168.1.51")
    serve.stop()
    host.drop("pub_net.toml", declare(extra="internal = true").replace('gateway = "192.168.1.1"', "gateway = false"))
    code, shown, _ = ctl(host, "plan")
    lines = shown.splitlines()
    assert (code, lines[0]) == (2, "pub_net")
    assert lines[1].startswith("! replace Docker network 'pub_net': ")
    assert lines[2] == "    web: off the network for about 0.5 s"


def go_on_when_asked(daemon: Daemon) -> None:
    """Let a stopped *daemon* go on once a SIGHUP waits for it."""

    def asked() -> bool:
        lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
        (waiting,) = (line.split()[1] for line in lines if line.startswith("ShdPnd"))
        return bool(int(waiting, 16) & 1 << signal.SIGHUP - 1)

    wait_until(asked, 60, "a request")
    daemon.signal(signal.SIGCONT)


def test_macvlanctl_apply_has_the_daemon_do_it_and_shows_what_was_done(host: Host, serve: Serving) -> None:
    daemon = serve()
    wait_until(lambda: status(host))
    daemon.signal(signal.SIGSTOP)  # else it would have done it before it is asked
    host.drop("pub_net.toml", declare(OWN))
    later = Thread(target=go_on_when_asked, args=(daemon,))
    later.start()
    code, shown, missing = ctl(host, "apply")
    later.join()
    assert (code, shown.splitlines(), missing) == (
        0,
        [
            "pub_net",
            "  add shim 'mv-pub_net' on 'eth0'",
            "  add address 192.168.1.223 on shim 'mv-pub_net'",
            "  add Docker network 'pub_net' on 'eth0' with 192.168.1.0/24",
        ],
        "",
    )
    assert (list(networks(host)), shims(host)) == (["pub_net"], ["mv-pub_net"])
    told = {"version": 1, "done": [], "left": [], "missing": []}
    assert ctl_json(host, "apply") == (0, told)
    assert ctl(host, "apply") == (0, "nothing was to be done\n", "")


def test_macvlanctl_apply_gives_up_on_a_daemon_that_hangs(host: Host, serve: Serving) -> None:
    daemon = serve()
    wait_until(lambda: status(host))
    daemon.signal(signal.SIGSTOP)
    host.drop("pub_net.toml", declare(OWN))
    code, shown, missing = ctl(host, "apply", "--timeout", "0.2")
    daemon.signal(signal.SIGCONT)
    assert (code, shown) == (2, "nothing was done\n")
    assert missing.startswith("macvland has not done it in time; ")


def test_macvlanctl_apply_does_not_wait_for_a_broken_file(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN).replace("gateway", "gatway"))
    wait_for_state(daemon, host, "pub_net", "failed")
    began = time.monotonic()
    code, _, missing = ctl(host, "apply")
    assert (code, time.monotonic() - began < 10) == (1, True)
    assert "there is no such key in [[subnet]]; did you mean `gateway`?" in missing


def test_macvlanctl_apply_does_nothing_without_a_daemon(host: Host, serve: Serving) -> None:
    serve()
    wait_until(lambda: status(host))
    serve.stop()
    host.drop("pub_net.toml", declare(OWN))
    start = "macvlanctl: macvland is not running: start it with 'systemctl start macvland'\n"
    assert ctl(host, "apply") == (1, "", start)
    assert (networks(host), shims(host)) == ({}, [])


def test_macvlanctl_check_judges_files_without_touching_anything(host: Host) -> None:
    host.drop("good.toml", declare(OWN))
    assert ctl(host, "check") == (0, "1 network(s), no problems\n", "")
    assert ctl_json(host, "check", "/etc/macvlan.d/good.toml") == (
        0,
        {"version": 1, "networks": ["good"], "elsewhere": [], "errors": []},
    )
    host.path("/etc/bad.toml").write_text(declare(OWN, parent=""))
    code, verdict = ctl_json(host, "check", "/etc/bad.toml")
    (error,) = verdict["errors"]
    assert (code, verdict["networks"], error["file"], error["line"], error["key"]) == (
        1,
        [],
        "/etc/bad.toml",
        2,
        "network.parent",
    )
    code, said, complained = ctl(host, "check", "/etc/bad.toml")
    assert (code, said, complained.startswith("/etc/bad.toml:2: network.parent: ")) == (1, "", True)
    assert (networks(host), shims(host)) == ({}, [])


def test_macvlanctl_status_shows_what_is(host: Host, serve: Serving) -> None:
    assert ctl(host, "status") == (
        1,
        "",
        "macvlanctl: /run/macvland/status.json does not exist: start the daemon with 'systemctl start macvland'\n",
    )
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip="192.168.1.51")
    wait_until(lambda: (it := network_status(host, "pub_net")) and it.host == (HOST,))
    code, table, complained = ctl(host, "status")
    assert (code, complained) == (0, "")
    assert table.splitlines()[:2] == [
        "NETWORK  STATE  PARENT  SUBNETS         HOST          CONTAINERS",
        "pub_net  ready  eth0    192.168.1.0/24  192.168.1.50  web 192.168.1.51",
    ]
    assert table.splitlines()[3].startswith("1 ready (Docker ")
    code, data = ctl_json(host, "status")
    (network,) = data.pop("networks")
    assert (code, data["version"], data["pid"], data["converged"], data["errors"]) == (0, 2, daemon.pid, True, [])
    assert network.pop("since").endswith("Z")
    assert network == {
        "name": "pub_net",
        "state": "ready",
        "reasons": [],
        "warnings": [],
        "conditions": [],
        "retry": "",
        "file": "/etc/macvlan.d/pub_net.toml",
        "parent": "eth0",
        "link": "eth0",
        "mode": "bridge",
        "subnets": ["192.168.1.0/24"],
        "shim": "mv-pub_net",
        "host": [HOST],
        "attachments": [{"container": "web", "addresses": ["192.168.1.51"], "mac": web.mac()}],
    }


def test_macvlanctl_status_exits_with_2_while_something_is_not_as_asked(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED, parent="eth7"))
    wait_for_state(daemon, host, "pub_net", "waiting")
    code, table, _ = ctl(host, "status")
    assert (code, table.splitlines()[1:3]) == (
        2,
        [
            "pub_net  waiting  eth7    192.168.1.0/24  -     -",
            "  waits for its parent 'eth7', which does not exist yet",
        ],
    )
    daemon.stop()
    code, table, _ = ctl(host, "status")
    assert code == 2
    assert table.endswith("macvland is not running: this is what it saw last; 'systemctl start macvland'\n")
