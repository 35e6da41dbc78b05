"""Adversarial inference in models that can only be simulated: their densities are known to nobody."""
