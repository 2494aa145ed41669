import os
import sys

from libs.service.command import run_service
from services.approvals.app import FOLLOWS, create_app
from services.approvals.verification import main

if sys.argv[1:] == ["verify"]:
    sys.exit(main(os.environ))
run_service("approvals", create_app, FOLLOWS)
