"""make demo: a file dropped into /etc/macvlan.d becomes a network and a shim, on a real kernel and a real Docker.

Every step asserts what it shows, and the demo ends with status 1 where one is not so.
"""

import io
import json
import os
import sys
import time
from itertools import count, zip_longest

from tests.lab import NAT, CommandError, Container, Host, Lab, Macvland, Station, wait_until
from tests.lab.traces import traces

PUB_NET = """\
[network]
parent = "eth0"

[[subnet]]
cidr    = "192.168.1.0/24"
gateway = "192.168.1.1"
range   = "192.168.1.192/27"    # Docker hands out addresses from here

[shim]                          # host <-> containers; spends no address of the LAN
"""
DHCP_SERVER = """\
printf 'start 192.168.1.240\\nend 192.168.1.250\\ninterface eth0\\nlease_file /leases\\npidfile /pid\\n' >/dhcp.conf
: >/leases
udhcpd -f -a 1 /dhcp.conf >/heard 2>&1 &
"""
DHCP_CLIENT = ("busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "10", "-T", "1", "-s", "/bin/true")


class Stage:
    """Prints numbered steps; in colour on a terminal only (and not where NO_COLOR is set, https://no-color.org)."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._number = count(1)

    def step(self, text: str) -> None:
        print(f"\n{self._in('1;36', f'{next(self._number)}. {text}')}", flush=True)

    def say(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            print(f"   {line}", flush=True)

    def quote(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            print(f"   {self._in('2', f'| {line}')}", flush=True)

    def good(self, text: str) -> None:
        print(f"   {self._in('32', '✓')} {text}", flush=True)

    def bad(self, text: str) -> None:
        print(f"   {self._in('1;31', '✗')} {text}", flush=True)

    def columns(self, left: list[str], right: list[str]) -> None:
        width = max(map(len, left)) + 4
        for one, other in zip_longest(left, right, fillvalue=""):
            print(f"   {one:{width}}{other}", flush=True)

    def _in(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colour else text


def main() -> int:
    """Show it all; return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a locale without a check mark is no reason to fail
    stage = Stage()
    began = time.monotonic()
    lab = Lab()
    try:
        with lab:
            _play(stage, lab)
        _expect(not traces(lab.state.id), "nothing of it is left")
    except (AssertionError, CommandError) as error:
        stage.bad(str(error) or "not as promised")
        return 1
    except KeyboardInterrupt:
        stage.bad("interrupted; everything was taken away")
        return 130
    print()
    stage.good(f"Shown in {time.monotonic() - began:.1f} s. Its namespaces, processes, mounts and files are gone.")
    return 0


def _play(stage: Stage, lab: Lab) -> None:
    host, printer = _open_the_lan(stage, lab)
    macvland = _start_macvland(stage, host)
    try:
        hidden = _hide_behind_the_bridge(stage, lab, host)
        _drop_the_file(stage, host, macvland)
        web = _run_on_the_lan(stage, host)
        _compare(stage, lab.router, hidden, web)
        _reach(stage, lab.router, host, web)
        _ask_everybody(stage, printer, hidden, web)
        _show_status(stage, host, macvland)
        _take_away(stage, host, macvland, web)
    except (AssertionError, CommandError):
        stage.quote(macvland.read_log())
        raise


def _open_the_lan(stage: Stage, lab: Lab) -> tuple[Host, Station]:
    stage.step("A LAN in network namespaces, and a host with a real Docker")
    printer = lab.station("printer", "192.168.1.60/24")
    host = lab.host()
    host.dockerd(*NAT)
    for station in (lab.router, host, printer):
        stage.say(f"{station.name:9}{station.address:15}{station.mac}")
    stage.say(f"Docker {host.docker('version', '--format', '{{.Server.Version}}').strip()}")
    return host, printer


def _start_macvland(stage: Stage, host: Host) -> Macvland:
    stage.step("macvland starts; /etc/macvlan.d is empty")
    macvland = host.macvland()
    macvland.wait_for("answers")
    stage.quote(macvland.read_log())
    return macvland


def _hide_behind_the_bridge(stage: Stage, lab: Lab, host: Host) -> Container:
    stage.step("The usual way: a container behind Docker's bridge")
    stage.quote("docker run --name hidden --network bridge …")
    hidden = host.container("hidden", "bridge")
    hidden.run("ping", "-c", "1", lab.router.address)
    stage.good("hidden reaches the router, through the host's address")
    return hidden


def _drop_the_file(stage: Stage, host: Host, macvland: Macvland) -> None:
    stage.step("A file is dropped: /etc/macvlan.d/pub_net.toml")
    stage.quote(PUB_NET)
    before = len(macvland.read_log())
    began = time.monotonic()
    host.drop("pub_net.toml", PUB_NET)
    wait_until(lambda: _states(host).get("pub_net") == "ready", 15, "pub_net ready")
    took = (time.monotonic() - began) * 1000
    macvland.wait_for("pub_net: ready")
    stage.say("and the journal says:")
    stage.quote(macvland.read_log()[before:])
    driver = host.docker("network", "inspect", "--format", "{{.Driver}} on {{.Options.parent}}", "pub_net").strip()
    host.ip("link", "show", "mv-pub_net", "up")
    stage.good(f"Docker has pub_net ({driver}), the host has its shim mv-pub_net")
    stage.good(f"{took:.0f} ms from the file to the working network, looked at again and found right")


def _run_on_the_lan(stage: Stage, host: Host) -> Container:
    stage.step("A container with an address of the LAN")
    stage.quote("docker run --name web --network pub_net --ip 192.168.1.51 …")
    began = time.monotonic()
    web = host.container("web", "pub_net", "192.168.1.51")
    stage.good(f"web runs at 192.168.1.51, MAC {web.mac()} ({(time.monotonic() - began) * 1000:.0f} ms)")
    return web


def _compare(stage: Stage, router: Station, hidden: Container, web: Container) -> None:
    stage.step("What the router sees: its ARP table after a ping from either container")
    behind, public = _arp_table_after(router, hidden), _arp_table_after(router, web)
    stage.columns(
        ["behind Docker's bridge", "----------------------", *(f"{ip}  {mac}" for ip, mac in behind.items())],
        ["on pub_net (macvlan)", "--------------------", *(f"{ip}  {mac}" for ip, mac in public.items())],
    )
    _expect(behind == {web.host.address: web.host.mac}, "behind the bridge the router sees the host alone")
    _expect(public == {"192.168.1.51": web.mac()}, "on pub_net the router sees the container's own MAC")
    stage.good("left: only the host, 192.168.1.50; right: the container itself, by its own MAC")


def _arp_table_after(router: Station, container: Container) -> dict[str, str]:
    router.ip("neigh", "flush", "all")
    container.run("ping", "-c", "1", router.address)
    return router.arp_table()


def _reach(stage: Stage, router: Station, host: Host, web: Container) -> None:
    stage.step("Who reaches whom")
    wait_until(lambda: "192.168.1.51" in host.ip("route", "show", "dev", "mv-pub_net"), what="the route to web")
    for source, name, address, to in (
        (router, "router", "192.168.1.51", "container"),
        (host, "host", "192.168.1.51", "container"),
        (web, "container", host.address, "host"),
    ):
        answer = source.run("ping", "-c", "1", "-W", "2", address)
        milliseconds = answer.split("time=")[1].split()[0]
        stage.good(f"{name:10}-> {to:10}{address:15}{milliseconds} ms")


def _ask_everybody(stage: Stage, printer: Station, hidden: Container, web: Container) -> None:
    stage.step("A layer-2 broadcast from the LAN: DHCP")
    stage.say("Both containers run a DHCP server; the printer asks everybody for an address.")
    for container in (hidden, web):
        container.run("sh", "-c", DHCP_SERVER)
    stage.quote(printer.run("sh", "-c", '"$@" 2>&1', "sh", *DHCP_CLIENT))  # it tells on standard error
    _expect("OFFER" in web.run("cat", "/heard"), "the container hears the broadcast")
    stage.good("web on pub_net heard the broadcast and answered it")
    _expect("OFFER" not in hidden.run("cat", "/heard"), "a container behind the bridge hears no broadcast of the LAN")
    stage.good("hidden behind the bridge heard nothing")


def _show_status(stage: Stage, host: Host, macvland: Macvland) -> None:
    stage.step("macvlanctl status, and the journal so far")
    wait_until(lambda: "192.168.1.51" in host.ctl("status").stdout, what="web in the status")
    stage.quote(host.ctl("status").stdout)
    stage.say("")
    stage.quote(macvland.read_log())


def _take_away(stage: Stage, host: Host, macvland: Macvland, web: Container) -> None:
    stage.step("Container and file go")
    before = len(macvland.read_log())
    web.remove()
    began = time.monotonic()
    host.remove("pub_net.toml")
    wait_until(lambda: "pub_net" not in host.docker("network", "ls"), 15, "the end of pub_net")
    wait_until(lambda: "mv-pub_net" not in host.ip("link"), 15, "the end of the shim")
    took = (time.monotonic() - began) * 1000
    _expect(macvland.stop() == 0, "macvland ends well")
    stage.quote(macvland.read_log()[before:])
    stage.good(f"no pub_net, no shim, no route: as before, {took:.0f} ms after the file")
    stage.quote(host.ip("-brief", "link", "show", "type", "macvlan") + host.ip("route"))


def _states(host: Host) -> dict[str, str]:
    """Return the state of each network as the daemon's status file has it."""
    try:
        status = json.loads(host.path("/run/macvland/status.json").read_text())
    except FileNotFoundError:
        return {}
    return {network["name"]: network["state"] for network in status["networks"]}


def _expect(fact: bool, words: str) -> None:  # noqa: FBT001 - what is expected
    if not fact:
        raise AssertionError(f"not so: {words}")


if __name__ == "__main__":
    sys.exit(main())
