import os
import sys

from libs.feed.upkeep import main

sys.exit(main(sys.argv[1:], os.environ))
