"""macvlanctl: what is, what would be done, and whether files are right. A module for each verb.

Refuses to change anything of the host: that is the daemon's alone.
"""

from macvland.cli.command import main, parser

__all__ = ["main", "parser"]
