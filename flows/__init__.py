"""The command line and everything that decides when the stages run."""
