"""Toys whose distribution is known."""
