"""Worlds: pictures that the library draws itself, so that their truth is known."""
