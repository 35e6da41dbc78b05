"""Sounds, sample by sample."""
