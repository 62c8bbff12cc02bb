"""The verb adopt: files for the macvlan networks and shims that people made by hand. It changes neither.

What Docker, Compose and the kernel tell of them (`reports.py`, `handmade.py`) becomes a file (`adoption.py`,
`toml.py`), which is read back by the daemon's own rules before anybody gets it.
"""

from macvland.cli.adopt.verb import TEXT, add_options, run

__all__ = ["TEXT", "add_options", "run"]
