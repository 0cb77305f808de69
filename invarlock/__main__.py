"""``python -m invarlock`` is the command line."""

import sys

from invarlock.cli import main

sys.exit(main())
