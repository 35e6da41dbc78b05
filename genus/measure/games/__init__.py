"""What is wrong with a game."""
