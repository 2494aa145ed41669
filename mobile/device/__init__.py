"""The parts that differ by platform: the browser and the store for tokens."""
