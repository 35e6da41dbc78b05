"""The work of the commands that do much: comparing, scoring, and writing samples."""
