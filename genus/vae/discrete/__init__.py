"""Models whose latent is made of numbers of a codebook, or of categories."""
