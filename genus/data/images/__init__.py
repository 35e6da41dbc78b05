"""Images: digits, idx files, folders."""
