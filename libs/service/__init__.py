"""Puts the libraries together into a service, in the same way for all three."""
