"""The verb status: every network as the daemon saw it last, or all about one of them, with its history."""

from macvland.cli.status.verb import TEXT, add_options, run

__all__ = ["TEXT", "add_options", "run"]
