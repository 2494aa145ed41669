"""The process of the WorkManager job; buildozer.spec names this file as the service `Sender`."""

from pathlib import Path

from jnius import autoclass

from mobile.core.logs import protect_logs
from mobile.device.background import run_job
from mobile.device.token_store import AndroidStore

if __name__ == "__main__":
    protect_logs()
    service = autoclass("org.kivy.android.PythonService").mService
    no_backup = Path(service.getNoBackupFilesDir().getAbsolutePath())
    files = Path(service.getFilesDir().getAbsolutePath())
    run_job(AndroidStore(autoclass, no_backup), files / "people")
