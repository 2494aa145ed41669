"""The contents and actions of the screens, as plain Python: screens only bind to them."""
