"""On a lab host: from exec of the daemon to READY=1, and until every shim has its own address."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

from tests.bench.starts import DAEMON, PATIENCE

LOOK = 0.005  # seconds


def boot(addresses: set[str]) -> dict[str, float]:
    """Start the daemon on a host without shims, and take them away again; return milliseconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind("\0bench-boot")
        notices.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": "@bench-boot"}
        began = time.monotonic()
        daemon = subprocess.Popen(DAEMON, env=environment, stderr=subprocess.DEVNULL)
        while b"READY=1" not in notices.recv(4096).split(b"\n"):
            pass
        ready = time.monotonic() - began
        while not addresses <= _there() and time.monotonic() < began + PATIENCE:
            time.sleep(LOOK)
        whole = time.monotonic() - began
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(PATIENCE)
    subprocess.run(("ip", "link", "delete", "group", "28022"), check=True)
    return {"ready": ready * 1000, "whole": whole * 1000}


def _there() -> set[str]:
    """Return the IPv4 addresses that the host has."""
    shown = subprocess.run(("ip", "-oneline", "-4", "address"), capture_output=True, text=True, check=True).stdout
    return {line.split()[3].partition("/")[0] for line in shown.splitlines()}


def main() -> None:
    """Answer the question in the first argument with the times of every round."""
    question = json.loads(sys.argv[1])
    print(json.dumps([boot(set(question["addresses"])) for _ in range(question["rounds"])]))


if __name__ == "__main__":
    main()
