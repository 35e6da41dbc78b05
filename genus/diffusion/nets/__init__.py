"""Networks that are given a noisy x and its time."""
