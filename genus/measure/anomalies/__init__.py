"""How odd a row is: its score, and where it stands among validation rows."""
