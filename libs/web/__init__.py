"""What it takes to serve HTTP."""
