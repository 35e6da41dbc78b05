"""Experiments with simple densities."""
