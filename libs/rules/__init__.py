"""What the rules of several services say alike. The standard library only, as the models."""
