"""The recipe of what judges samples."""
