"""Serve: Prefect's server, the schedules, the queue's worker and the page of results, as one command."""
