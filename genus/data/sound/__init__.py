"""Sounds and piano rolls."""
