"""Texts, made-up languages and their translations."""
