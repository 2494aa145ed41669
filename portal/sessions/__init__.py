"""Sessions: the person's tokens stay here, the browser holds a random secret."""
