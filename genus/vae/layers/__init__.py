"""Models whose latent has layers or steps, each guessed given others."""
