"""The command line: `genus COMMAND`, one file for each command."""
