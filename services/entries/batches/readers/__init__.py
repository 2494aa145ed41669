"""From the bytes of a file to valid rows and row errors, piece by piece."""
