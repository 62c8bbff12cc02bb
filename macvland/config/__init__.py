"""What the files in /etc/macvlan.d and its sisters declare, or everything that is wrong with them by file and line.

It looks at files and nothing else: neither the kernel nor Docker is asked, nothing is written, nothing is remembered
but what a given text of a given file means.
"""

from macvland.config.declaration import Config, Declaration, Directory, ShimDeclaration
from macvland.config.declare import parse
from macvland.config.reading import DIRECTORIES, KEPT, check, read, tried

__all__ = [
    "DIRECTORIES",
    "KEPT",
    "Config",
    "Declaration",
    "Directory",
    "ShimDeclaration",
    "check",
    "parse",
    "read",
    "tried",
]
