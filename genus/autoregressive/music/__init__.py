"""Piano rolls, chord by chord."""
