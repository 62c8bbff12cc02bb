"""The kernel tells when the machine gets another hostname, and of what containers call themselves it tells as well."""

import subprocess
import sys

SCRIPT = """
import socket, subprocess, sys
from queue import Empty, Queue
from threading import Thread
from macvland.machine import this_machine, watch

heard = Queue()
socket.sethostname("before")
Thread(target=watch, args=(lambda: heard.put(this_machine().hostname), "before"), daemon=True).start()
for name in sys.argv[1:]:
    if name.startswith("container:"):
        subprocess.run(["unshare", "--uts", "hostname", name.partition(":")[2]], check=True)
    else:
        socket.sethostname(name)
        print(heard.get(timeout=10))
print(heard.qsize())
"""


def heard(*names: str) -> list[str]:
    """Return what is heard while a machine gets *names*, one after the other, and how much is left in the end."""
    command = ["unshare", "--uts", sys.executable, "-c", SCRIPT, *names]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_each_change_of_the_hostname_wakes() -> None:
    assert heard("node1", "node2", "node2.example.com") == ["node1", "node2", "node2.example.com", "0"]


def test_a_container_that_names_itself_wakes_nobody() -> None:
    assert heard("container:web", "node1", "container:node2", "node3") == ["node1", "node3", "0"]
