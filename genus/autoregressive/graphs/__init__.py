"""Graphs, node by node."""
