"""Keeping a model fresh: crawl, check, build beside, compare, promote or refuse, go back."""
