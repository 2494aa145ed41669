"""`python -m mobile`"""

import os

# Before Kivy is imported: it would take our arguments, our log and a folder in the home directory.
os.environ.setdefault("KIVY_NO_ARGS", "1")
os.environ.setdefault("KIVY_NO_CONFIG", "1")
os.environ.setdefault("KIVY_LOG_MODE", "PYTHON")

if __name__ == "__main__":
    from mobile.app import main

    main()
