"""Distances of samples from real rows."""
