"""What differs from platform to platform: the browser and the store for tokens."""
