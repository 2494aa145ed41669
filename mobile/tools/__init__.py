"""Tools run by hand: the icons, the pictures for the documentation."""
