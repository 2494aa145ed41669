"""What the screens show and do, as plain Python: screens only bind to them."""
