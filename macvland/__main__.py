"""`python -m macvland` is the daemon."""

import sys

from macvland.daemon import main

sys.exit(main())
