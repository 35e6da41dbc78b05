"""Drawings as strokes of a pen."""
