"""Labelling any number of videos: on this machine, as Prefect shows it, on more machines."""
