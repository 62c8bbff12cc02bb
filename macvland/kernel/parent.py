"""Promiscuous mode of parents, and the mark that says whose it is. Rare, so pyroute2 does it.

The mark is an altname of the parent, so that ownership outlives every crash: set before the mode is switched on, taken
away after it is switched off.
"""

import errno

from macvland.kernel.codec import IFF_PROMISC
from macvland.kernel.sight import mark


def keep_promiscuous(index: int) -> None:
    """Mark the link and switch promiscuous mode on; what is there already is no error."""
    _change_mark("property_add", index, errno.EEXIST)
    _switch(index, IFF_PROMISC)


def release(index: int) -> None:
    """Switch promiscuous mode off and take the mark away; what is gone already is no error."""
    _switch(index, 0)
    _change_mark("property_del", index, errno.ENOENT)


def _change_mark(verb: str, index: int, done: int) -> None:
    try:
        _link(verb, index=index, altname=mark(index))
    except OSError as problem:
        if problem.errno != done:
            raise


def _switch(index: int, flags: int) -> None:
    _link("set", index=index, flags=flags, change=IFF_PROMISC)


def _link(verb: str, **settings: int | str) -> None:
    # Imported here because it takes 340 to 570 ms and 22 MB, and most hosts never come this way.
    from pyroute2 import IPRoute  # noqa: PLC0415
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    with IPRoute() as route:
        try:
            route.link(verb, **settings)
        except NetlinkError as problem:
            raise OSError(problem.code, str(problem.args[1])) from problem
