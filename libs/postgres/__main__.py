"""`python -m libs.postgres`: migrate the database of a service."""

import os
import sys

from libs.postgres.migrate import main

sys.exit(main(sys.argv[1:], os.environ))
