"""Videos: read, named, drawn and written again with every frame at its own time and the sound as it was."""
