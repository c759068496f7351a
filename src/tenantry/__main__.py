"""`python -m tenantry` is the command line."""

import sys

from .app import main

sys.exit(main())
