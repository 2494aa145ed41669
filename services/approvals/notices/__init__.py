"""Notices by e-mail: `python -m services.approvals notify`."""
