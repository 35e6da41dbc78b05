"""Benchmarks: each a file of a family's folder, run by `make bench NAME=family/file`."""
