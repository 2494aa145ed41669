"""Files of entries that other companies upload: read in pieces, checked row by row."""
