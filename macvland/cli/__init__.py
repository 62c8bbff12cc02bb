"""macvlanctl: what is, what would be done, and whether files are right. A module or a package for each verb.

Refuses to change anything of the network: that is the daemon's alone, and so these verbs write files at most.
"""

from macvland.cli.command import main, parser

__all__ = ["main", "parser"]
