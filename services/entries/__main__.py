from libs.service.command import run_service
from services.entries.app import FOLLOWS, create_app

run_service("entries", create_app, FOLLOWS)
