"""Guidance, inpainting and editing: denoisers that are made of denoisers."""
