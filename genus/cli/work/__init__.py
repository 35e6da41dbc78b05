"""The work of the commands that do much: comparing, and writing samples."""
