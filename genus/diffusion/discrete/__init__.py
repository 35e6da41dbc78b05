"""Diffusion of tokens."""
