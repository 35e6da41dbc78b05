"""Recipes of energy models."""
