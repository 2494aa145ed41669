"""`python -m libs.feed`: compact feeds, and list, retry or drop dead letters."""

import os
import sys

from libs.feed.maintenance import main

sys.exit(main(sys.argv[1:], os.environ))
