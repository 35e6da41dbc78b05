"""Features of x, in which samples are compared with real rows where no oracle knows the data."""
