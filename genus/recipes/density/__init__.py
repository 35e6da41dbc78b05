"""Recipes of densities."""
