"""Samplers: how noise is undone, given a denoiser."""
