"""Readers of worlds: they give back the parameters with which a picture was drawn."""
