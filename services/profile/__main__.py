"""`python -m services.profile`: serve, or `verify` the change log."""

import os
import sys

from libs.changes.verification import main
from libs.service.command import run_service
from services.profile.app import create_app

if sys.argv[1:] == ["verify"]:
    sys.exit(main(os.environ))
run_service("profile", create_app)
