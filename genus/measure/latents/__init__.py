"""What a latent tells of the data, and whether it fills its prior."""
