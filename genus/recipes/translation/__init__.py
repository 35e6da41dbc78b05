"""Recipes of translators."""
