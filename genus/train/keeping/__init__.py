"""The folder of a run: who writes it, what it holds, and what a resumed run takes from it."""
