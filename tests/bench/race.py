"""On a lab host: the daemon with a dropped file against the shell script, in turn, both seen by one observer.

The observer polls what must be there: the shim's flags and arp_filter in /sys and /proc, its address by ioctl, the
script's route in /proc, the Docker network by raw HTTP. While the script runs the daemon is stopped, and before the
daemon's turn it has come to rest, so that neither works against the other.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from select import select

from tests.bench.docker_api import Api

SIOCGIFADDR = 0x8915
POLL = 0.0005  # seconds
PATIENCE = 20.0  # seconds
FILE = Path("/etc/macvlan.d/pub_net.toml")
NEW = Path("/etc/macvlan.d.new")  # renamed from a directory nobody watches
SCRIPT = Path(__file__).with_name("shim.sh")
CONTAINER = "192.168.1.201"


class Observer:
    """Looks for one shim and for the network pub_net, each time in the same order."""

    def __init__(self, api: Api, shim: str) -> None:
        self._api = api
        self._shim = shim
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def shim_up(self, address: str) -> bool:
        """Tell whether the shim is up with arp_filter, and with *address*, if that is not ""."""
        try:
            flags = int(Path(f"/sys/class/net/{self._shim}/flags").read_text(), 16)
            arp_filter = Path(f"/proc/sys/net/ipv4/conf/{self._shim}/arp_filter").read_text()
        except FileNotFoundError:
            return False
        return bool(flags & 1) and arp_filter.strip() == "1" and (not address or self._address() == address)

    def routed(self, destination: str) -> bool:
        """Tell whether there is a route over the shim to *destination*."""
        number = f"{struct.unpack('<I', socket.inet_aton(destination))[0]:08X}"
        with open("/proc/self/net/route") as routes:  # noqa: PTH123 - a tenth of the time of Path.read_text counts here
            return any(line.startswith(f"{self._shim}\t{number}\t") for line in routes)

    def network(self) -> bool:
        """Tell whether Docker has the network."""
        return self._api.ask("GET", "/networks/pub_net")[0] == 200

    def gone(self) -> bool:
        """Tell whether there is neither shim nor network."""
        return not Path(f"/sys/class/net/{self._shim}").exists() and not self.network()

    def _address(self) -> str:
        try:
            request = struct.pack("256s", self._shim.encode())
            return socket.inet_ntoa(fcntl.ioctl(self._socket, SIOCGIFADDR, request)[20:24])
        except OSError:
            return ""


def wait(*conditions: Callable[[], bool]) -> list[float]:
    """Poll until each of *conditions* has been true; return when each was seen first."""
    seen: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE
    while True:
        for number, condition in enumerate(conditions):
            if number not in seen and condition():
                seen[number] = time.monotonic()
        if len(seen) == len(conditions):
            return [seen[number] for number in range(len(conditions))]
        if time.monotonic() > deadline:
            raise TimeoutError(f"conditions {sorted(set(range(len(conditions))) - seen.keys())} did not come true")
        time.sleep(POLL)


def drop(text: str, address: str, observer: Observer, api: Api) -> dict[str, float]:
    """Drop the file; return milliseconds to the shim, to the network, and from a container's start to its route."""
    NEW.write_text(text)
    began = time.monotonic()
    NEW.replace(FILE)
    shim, network = wait(lambda: observer.shim_up(address), observer.network)
    attached, routed = _attach(observer)
    api.do("POST", "/networks/pub_net/disconnect", {"Container": "web", "Force": True})
    FILE.unlink()
    wait(observer.gone)
    return {
        "shim": (shim - began) * 1000,
        "network": (network - began) * 1000,
        "both": (max(shim, network) - began) * 1000,
        "route": max(routed - attached, 0) * 1000,
    }


def _attach(observer: Observer) -> tuple[float, float]:
    """Connect a running container; return when Docker said it was done and when the route was there."""
    other = Api()
    settings = {"IPAMConfig": {"IPv4Address": CONTAINER}}
    other.send_off("POST", "/networks/pub_net/connect", {"Container": "web", "EndpointConfig": settings})
    attached, routed = wait(lambda: bool(select([other.sock], [], [], 0)[0]), lambda: observer.routed(CONTAINER))
    status, content = other.answer()
    other.close()
    if status >= 400:
        raise RuntimeError(content.decode())
    return attached, routed


def script(words: list[str], address: str, observer: Observer, api: Api, environment: dict[str, str]) -> float:
    """Run the script; return milliseconds until all it makes is there."""
    began = time.monotonic()
    child = subprocess.Popen([SCRIPT, *words], env=environment, stdin=subprocess.DEVNULL)
    seen = wait(lambda: observer.shim_up(address), observer.network, lambda: observer.routed("192.168.1.192"))
    if child.wait():
        raise RuntimeError(f"the script failed with {child.returncode}")
    subprocess.run(("ip", "link", "delete", "shim"), check=True)
    api.do("DELETE", "/networks/pub_net")
    return (max(seen) - began) * 1000


def rest(pid: int) -> None:
    """Return when the daemon has done nothing for a while."""
    last = -1
    while (now := _switches(pid)) != last:
        last = now
        time.sleep(0.15)


def _switches(pid: int) -> int:
    texts = [status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if "ctxt_switches" in line)


def main() -> None:
    """Answer the question in the first argument with the times of every round."""
    question = json.loads(sys.argv[1])
    pid, address, environment = question["pid"], question["address"], question["environment"]
    api = Api()
    ours, theirs = Observer(api, "mv-pub_net"), Observer(api, "shim")
    words = [address] if address else []
    rounds = []
    for _ in range(question["rounds"]):
        os.kill(pid, signal.SIGSTOP)
        try:
            by_script = script(words, address, theirs, api, environment)
        finally:
            os.kill(pid, signal.SIGCONT)
        rest(pid)
        rounds.append(drop(question["file"], address, ours, api) | {"script": by_script})
        rest(pid)
    print(json.dumps(rounds))


if __name__ == "__main__":
    main()
