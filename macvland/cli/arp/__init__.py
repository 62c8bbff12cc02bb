"""The verb arp: which MAC the LAN sees for each address of a network, and whether any has two.

`lan.py` is the LAN of one network as everybody who knows of it tells it; the doctor asks it as well.
"""

from macvland.cli.arp.verb import TEXT, add_options, run

__all__ = ["TEXT", "add_options", "run"]
