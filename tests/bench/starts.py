"""On a lab host: from exec to READY=1, as a service manager hears it on NOTIFY_SOCKET, and a bare Python beside it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

DAEMON = [sys.executable, "-m", "macvland"]
BARE = [sys.executable, "-c", "pass"]
PATIENCE = 20.0  # seconds


def ready_after() -> float:
    """Start the daemon, stop it when it is ready; return the milliseconds in between."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind("\0bench-notify")
        notices.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": "@bench-notify"}
        began = time.monotonic()
        daemon = subprocess.Popen(DAEMON, env=environment, stderr=subprocess.DEVNULL)
        while b"READY=1" not in notices.recv(4096).split(b"\n"):
            pass
        took = time.monotonic() - began
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(PATIENCE)
    return took * 1000


def bare() -> float:
    """Return the milliseconds that Python itself takes to come and go."""
    began = time.monotonic()
    subprocess.run(BARE, check=True)
    return (time.monotonic() - began) * 1000


def main() -> None:
    """Answer the question in the first argument with the times of every round."""
    rounds = json.loads(sys.argv[1])["rounds"]
    print(json.dumps([{"ready": ready_after(), "bare": bare()} for _ in range(rounds)]))


if __name__ == "__main__":
    main()
