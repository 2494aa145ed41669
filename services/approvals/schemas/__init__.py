"""Schemas of requests and responses: they check requests and document the API."""
