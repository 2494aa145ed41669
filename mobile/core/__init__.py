"""The app without its screens: rules, store, outbox, tokens, synchronising."""
