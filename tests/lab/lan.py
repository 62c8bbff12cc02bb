"""The LAN: a switch, a router, and the stations and hosts that are asked for."""

import contextlib
import signal
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tests.lab.command import run
from tests.lab.host import Host
from tests.lab.state import claim, sweep, sweep_abandoned
from tests.lab.station import ROUTER, Station

if TYPE_CHECKING:
    import subprocess

ENDINGS = (signal.SIGTERM, signal.SIGHUP)


class Lab:
    """A LAN 192.168.1.0/24 whose router is 192.168.1.1; everything is gone when the context ends.

    An owner that is told to end (SIGTERM, SIGHUP) gets a KeyboardInterrupt as from Ctrl-C, so that its contexts end.
    """

    def __enter__(self) -> Self:
        """Sweep what killed owners left, then make switch and router."""
        self._children: list[subprocess.Popen[Any]] = []
        self.stations: list[Station] = []
        self._handlers: dict[signal.Signals, Any] = {}
        sweep_abandoned()
        self.state = claim()
        try:
            self._handle_endings()
            self._switch_on()
            self.router = self.station("router", f"{ROUTER}/24")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everything away."""
        self.close()

    def station(self, name: str, address: str) -> Station:
        """Plug a plain device with *address* ("192.168.1.60/24") into the switch."""
        station = Station(self.state, name, address, "eth0", self.remember)
        self.stations.append(station)
        station.power_on()
        return station

    def host(self, name: str = "host", address: str = "192.168.1.50/24", nic: str = "eth0") -> Host:
        """Plug in a host with /etc, /run and /var/lib of its own, for Docker and macvland."""
        host = Host(self.state, name, address, nic, self.remember)
        self.stations.append(host)
        host.power_on()
        return host

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts of the lab."""
        return tuple(station for station in self.stations if isinstance(station, Host))

    def take_away(self, station: Station) -> None:
        """Take *station* from the LAN, with everything that runs on it."""
        self.stations.remove(station)
        station.power_off()

    def remember(self, child: "subprocess.Popen[Any]") -> None:
        """Reap *child*, which runs in a cgroup of the lab, when the lab closes."""
        self._children.append(child)

    def close(self) -> None:
        """Take everything away, and reap what was started here."""
        sweep(self.state)
        for child in self._children:
            child.wait()
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _handle_endings(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDINGS:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._handlers[number] = signal.signal(number, signal.default_int_handler)

    def _switch_on(self) -> None:
        namespace = self.state.namespace("switch")
        run("ip", "netns", "add", namespace)
        bridge = ("bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
        run("ip", "-n", namespace, "link", "add", "bridge", "type", *bridge)
        run("ip", "-n", namespace, "link", "set", "bridge", "up")
