"""The verb show: what hangs on what (`topology.py`), as a tree or as a picture."""

from macvland.cli.show.verb import TEXT, add_options, run

__all__ = ["TEXT", "add_options", "run"]
