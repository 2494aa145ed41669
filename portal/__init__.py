"""The portal: timesheets in a browser, a client of the public API."""
