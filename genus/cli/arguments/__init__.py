"""Words of the command line: options of recipes, and what a user allows by name."""
