"""Use cases. Each takes the database and plain values, owns its transaction, returns what is
stored or raises an error of the model, and knows nothing about HTTP."""
