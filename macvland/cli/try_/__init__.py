"""The verb try: a file counts until somebody says that it is to stay, and not longer than he was asked for.

One trial (`attempt.py`) is a file (`trial.py`), what the daemon makes of it (`converging.py`), and a question to
whoever is there (`question.py`), who may have come over the very network that it changes (`session.py`).
"""

from macvland.cli.try_.verb import TEXT, add_options, run

__all__ = ["TEXT", "add_options", "run"]
