"""Use cases of notices: record what is due, deliver what is recorded."""
