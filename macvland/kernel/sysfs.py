"""The one fact about a link that sysfs has and rtnetlink has not. Where sysfs shows another host, it is not known."""

import os

LINKS = "/sys/class/net"  # of the network namespace in which sysfs was mounted


def is_wireless(name: str) -> bool:
    """Tell whether a link is a wireless driver's (cfg80211): a station or an access point, which sysfs does not say."""
    return os.path.lexists(f"{LINKS}/{name}/phy80211")
