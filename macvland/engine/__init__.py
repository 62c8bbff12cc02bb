"""Docker's part of the host: look, act, and be told when to look again.

Everything macvland ever says to Docker is said from this package, and it is little, because Docker's socket is root:

    GET /_ping, /networks, /networks/{id}, /containers/json, /containers/{id}/json, /events
    POST /networks/create (a macvlan network with our label), DELETE /networks/{id} (one with our label)
    POST /networks/{id}/connect, /networks/{id}/disconnect (of one with our label)
    POST /containers/{id}/start (one that failed for want of such a network)

It translates and decides nothing; it refuses every way to Docker but a unix socket.
"""

from macvland.engine.activation import INVOCATION
from macvland.engine.address import socket_path
from macvland.engine.edge import Docker
from macvland.engine.events import watch

__all__ = ["INVOCATION", "Docker", "socket_path", "watch"]
