"""Serves HTTP."""
