"""Is it good, and no worse than before: a labelled video against the truth, new photos and models against the old."""
