"""Sets of pictures that others have published, read from the folder that GENUS_DATA names."""
