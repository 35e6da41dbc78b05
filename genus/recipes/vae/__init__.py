"""Recipes of VAEs."""
