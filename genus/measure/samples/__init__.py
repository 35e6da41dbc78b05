"""How far samples are from real rows."""
