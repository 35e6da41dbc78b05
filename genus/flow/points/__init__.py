"""Flows of clouds of points."""
