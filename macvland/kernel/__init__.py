"""The kernel's edge: links, addresses, routes and neighbours, over netlink. Translates and never decides.

Bulk work goes through a small codec of our own (codec, facts, requests) on one raw socket (channel); pyroute2 does the
few and the odd (parent), and is the judge of the codec in the tests.
"""

from macvland.kernel.edge import Kernel
from macvland.kernel.events import watch
from macvland.kernel.settings import SettingsWatch

__all__ = ["Kernel", "SettingsWatch", "watch"]
