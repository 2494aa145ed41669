"""What the app knows and does without a screen: rules, store, outbox, tokens, synchronising."""
