"""Screens: each binds to its viewmodel and knows nothing else."""
