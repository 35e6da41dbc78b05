"""Adversarial models that find classes, and other codes, from few labels or none."""
