"""How likely held-out rows are."""
