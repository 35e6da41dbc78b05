"""Solids on a ground: what the world `scenes` consists of, and how it is drawn."""
