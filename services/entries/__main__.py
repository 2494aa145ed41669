"""`python -m services.entries`: serve, or `verify` the change log."""

import os
import sys

from libs.changes.verification import main
from libs.service.command import run_service
from services.entries.app import FOLLOWS, create_app

if sys.argv[1:] == ["verify"]:
    sys.exit(main(os.environ))
run_service("entries", create_app, FOLLOWS)
