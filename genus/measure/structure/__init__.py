"""Figures of samples with a structure: graphs, clouds of points, texts."""
