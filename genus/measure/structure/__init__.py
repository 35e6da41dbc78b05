"""Samples with a structure of their own: graphs, clouds of points, texts."""
