"""The command line: parses, checks names, hands over. Heavy imports wait inside the commands."""
