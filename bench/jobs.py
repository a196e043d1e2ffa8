"""Times adding, listing and claiming with many jobs in the queue.

python bench/jobs.py 10000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from flows.label.request import Request
from flows.queue.alive import this_worker
from flows.queue.job import Submission
from flows.queue.store import Queue

REQUEST = Request("lanterns", Path("labelled"))


def main(jobs: int) -> None:
    """Print the seconds of each, in a queue of `jobs` in a temporary folder."""
    many = [Submission(Path(f"/videos/{number}.mp4"), f"{number:064x}", "0" * 64, REQUEST) for number in range(jobs)]
    with tempfile.TemporaryDirectory() as folder, Queue(Path(folder) / "queue.sqlite") as queue:
        timings = {
            f"add {jobs}": lambda: queue.add(many),
            "add them again": lambda: queue.add(many),
            "add one": lambda: queue.add([Submission(Path("/one.mp4"), "f" * 64, "0" * 64, REQUEST)]),
            "list all": lambda: queue.jobs("waiting"),
            "claim one": lambda: queue.claim(this_worker()),
            "claim 100": lambda: [queue.claim(this_worker()) for _ in range(100)],
        }
        for what, does in timings.items():
            started, started_cpu = time.perf_counter(), time.process_time()
            does()
            spent, cpu = time.perf_counter() - started, time.process_time() - started_cpu
            print(f"{what:16} {spent:8.4f} s, {cpu:8.4f} s of the processor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="jobs.py", description=__doc__.splitlines()[0])
    parser.add_argument("jobs", type=int, help="how many, for example 10000")
    main(parser.parse_args().jobs)
