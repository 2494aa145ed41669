"""Catalogs of texts, one folder per language; `extract` keeps them in step with the sources."""
