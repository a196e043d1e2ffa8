"""Boxes, names and blurred faces on pictures: how a labelled photo and a labelled video look."""
