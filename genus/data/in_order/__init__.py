"""Rows of files in their order, read as a run has read its data."""
