"""Splits of which only some rows show their labels."""
