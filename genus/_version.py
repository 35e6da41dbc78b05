"""The version of genus: in a file of its own, so that nobody has to import upward for it."""

__version__ = "0.1.0"
