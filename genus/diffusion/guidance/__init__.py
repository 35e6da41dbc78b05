"""Guidance and editing: denoisers that are made of denoisers."""
