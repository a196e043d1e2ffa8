"""Photos: every face found, all of them named together, drawn and told in a table."""
