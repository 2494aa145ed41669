"""How the libraries are put together into a service: the same for all three."""
