"""Faces as drawings: what the world `portraits` draws, part by part."""
