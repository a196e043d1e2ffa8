"""The queue of videos to label, and the workers that take from it."""
