"""Tables: rows of numbers or bits."""
