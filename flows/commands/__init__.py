"""One file per command: its arguments, its help, and what it prints. Heavy imports wait inside the functions."""
