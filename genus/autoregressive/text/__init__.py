"""Texts, symbol by symbol; translations; vectors of words."""
