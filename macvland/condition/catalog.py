"""Every code and every kind of condition, once."""

from macvland.condition import daemon, docker, files, kernel, lan, obstacle, parent
from macvland.condition.value import Kind

# In order of likelihood: how often it is this that somebody suffers from, once it is found. What keeps a network from
# being there at all comes before what cuts it off, and that before what disturbs it. The last are no trouble.
CODES = {
    "MV101": "a file is wrong",
    "MV102": "the daemon does not run",
    "MV201": "Docker does not answer",
    "MV301": "the parent is missing",
    "MV302": "the parent is down",
    "MV303": "the parent has no carrier",
    "MV304": "the parent cannot carry macvlan links",
    "MV305": "the parent is a Wi-Fi station",
    "MV202": "Docker has lost the network",
    "MV203": "Docker would refuse the network",
    "MV105": "something is in the way",
    "MV104": "the daemon failed",
    "MV103": "the status is stale",
    "MV401": "a cloud drops unknown MACs",
    "MV501": "two MACs for one address",
    "MV701": "a hand-made shim beside macvland's",
    "MV702": "the mode keeps host and containers apart",
    "MV402": "a hypervisor drops unknown MACs",
    "MV504": "the LAN does not agree",
    "MV502": "the gateway is silent",
    "MV503": "Docker may hand out addresses that are taken",
    "MV601": "the host's firewall drops what comes over a shim",
    "MV602": "rp_filter is strict where routes differ",
    "MV603": "arp_ignore keeps a link from answering",
    "MV604": "arp_announce has a link speak for another",
    "MV705": "a second default route",
    "MV706": "another program claims the shim",
    "MV703": "the MTU of a shim differs from its parent's",
    "MV704": "the MTU of a container differs from its parent's",
    "MV204": "published ports that do nothing",
    "MV106": "macvland works round its surroundings",
    "MV801": "the network is leaving",
    "MV802": "the network waits for its containers to leave",
    "MV803": "the LAN is asked",
    "MV804": "the VLAN link is made first",
    "MV805": "the network is somebody else's",
}
THEMES = (files, parent, obstacle, lan, docker, kernel, daemon)
KINDS = {kind.name: kind for theme in THEMES for kind in vars(theme).values() if isinstance(kind, Kind)}
