"""Tests of what `make packages` has built: it runs them itself, and nobody else does."""

import os

collect_ignore_glob = [] if "MACVLAND_PACKAGES" in os.environ else ["test_*.py"]
