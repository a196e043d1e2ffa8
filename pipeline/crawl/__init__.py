"""Photos from the web and from lists into a group's raw/: sources say where they are, one safe fetch brings them."""
