"""The verb doctor: what may keep a network from working, each with its evidence and a remedy.

Everything is looked at once, at the edges (`gather.py`), and is one frozen value after that (`snapshot.py`); each theme
is a module of finders, which are pure functions of it.
"""

from macvland.cli.doctor.verb import TEXT, add_options, run

__all__ = ["TEXT", "add_options", "run"]
