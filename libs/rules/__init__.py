"""Rules that several services share. Like the models, they import the standard library only."""
