"""Where Docker's socket is. Only a unix socket will do: macvland makes links on this host and no other."""

import os

from macvland.error import ApplyError

DEFAULT = "/run/docker.sock"


def socket_path() -> str:
    """Return the path of Docker's socket, as DOCKER_HOST has it."""
    host = os.environ.get("DOCKER_HOST", "")
    if not host:
        return DEFAULT
    scheme, _, path = host.partition("://")
    if scheme == "unix" and path.startswith("/"):
        return path
    raise ApplyError(
        f"DOCKER_HOST={host!r}: macvland talks to the Docker engine of its own host only; "
        f"leave it unset, or say unix:///path/to/docker.sock",
        passing=False,
    )
