"""The app that people carry. It ships alone and imports neither services/ nor libs/."""

VERSION = "1.0.0"
