from libs.service.command import run_service
from services.profile.app import create_app

run_service("profile", create_app)
