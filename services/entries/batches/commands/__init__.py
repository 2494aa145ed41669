"""Use cases of batches, without HTTP."""
