"""Drawings and handwriting, stroke by stroke."""
