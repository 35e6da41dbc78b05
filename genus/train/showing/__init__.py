"""What a run shows while it goes on: a table, plain lines, samples."""
