"""Recipes of diffusion models."""
