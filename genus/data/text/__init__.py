"""Texts, invented languages and their translations."""
