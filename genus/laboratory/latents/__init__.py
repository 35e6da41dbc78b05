"""Experiments with codes: what a latent is good for, and how it is learnt."""
