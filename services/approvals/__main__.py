"""`python -m services.approvals`: serve, or `verify` the histories, or `notify` people once."""

import os
import sys

from libs.changes.verification import check_change_log, main
from libs.service.command import run_service
from services.approvals.app import FOLLOWS, create_app
from services.approvals.notices import job as notices
from services.approvals.verification import check_histories

if sys.argv[1:] == ["verify"]:
    sys.exit(main(os.environ, [check_histories, check_change_log]))
if sys.argv[1:] == ["notify"]:
    sys.exit(notices.main(os.environ))
run_service("approvals", create_app, FOLLOWS)
