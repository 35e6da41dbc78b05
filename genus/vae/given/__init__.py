"""Models of x given a context, or beside a class."""
