"""Likelihoods of held-out rows."""
