"""Adversarial models that are defined by their game: who plays, and for what."""
