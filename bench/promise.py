"""Measures how often people get a member's name whom the calibration never saw, against the rate that is promised.

    python bench/promise.py PHOTOS CACHE [--trusted FILE] [--strangers NAME FOLDER]... [--counts 5,10,15,40] [--seeds 3]

PHOTOS, CACHE, FILE, NAME and FOLDER are those of recognition.py, and so is what is tested on. Each run draws so many
photos a member, and makes one model of all members, which is asked about them and every FOLDER; and one without each
member in turn, learnt and calibrated as if the group had never had that one, which is asked about them: the hardest
strangers there are, of one age, style and stage light. The classifier is nearest: who is a stranger the same likeness
tells with every other one.

named     the tested photos of members that get a name
false     the strangers who do, at the confidence of 0.5: the mean of the runs, and their standard deviation
worst     the same of the person who gets one most often
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from photosets import Photos, arguments, confidences, divided, drawn, prepared, taught

from pipeline.classifiers.model import GALLERY, THRESHOLD, Model
from pipeline.params import Params, read_params

LEFT_OUT = "members left out in turn"


def main(arguments: argparse.Namespace) -> None:
    params = read_params()
    photos = prepared(arguments.photos, arguments.cache, params)
    strangers = {name: prepared(Path(folder), arguments.cache, params) for name, folder in arguments.strangers}
    tested, free = divided(photos.rows, arguments.photos, arguments.trusted)
    rows = []
    for count in arguments.counts:
        for seed in range(arguments.seeds):
            learnt = photos[drawn(photos.rows, free, count, seed + 1)]
            for who, person, name_given in asked(learnt, photos[tested], strangers, params):
                rows.append({"photos": count, "seed": seed, "who": who, "person": person, "named": name_given})
    report(pd.DataFrame(rows), params.train.false_name_rate)


def asked(learnt: Photos, tested: Photos, strangers: dict[str, Photos], params: Params) -> list[tuple[str, str, bool]]:
    """For every face asked about: whose it is ('' of members that are known), the person, and whether it got a name."""
    model, _ = taught(learnt, params, GALLERY)
    found = told("", model, tested)
    for name, photos in strangers.items():
        found += told(name, model, photos)
    for member in np.unique(learnt.members):
        model, _ = taught(learnt[learnt.members != member], params, GALLERY)
        found += told(LEFT_OUT, model, tested[tested.members == member])
    return found


def told(who: str, model: Model, photos: Photos) -> list[tuple[str, str, bool]]:
    named = confidences(model, photos).max(axis=1) >= THRESHOLD
    return [(who, person, bool(given)) for person, given in zip(photos.members, named, strict=True)]


def report(rows: pd.DataFrame, promised: float) -> None:
    print("| photos a member | members named | strangers | people | faces | promised | false | worst |")
    print("| --- " * 8 + "|")
    for count, of_count in rows.groupby("photos"):
        known = of_count[of_count["who"] == ""]["named"].mean()
        for who, found in of_count[of_count["who"] != ""].groupby("who", sort=False):
            runs = found.groupby("seed")["named"].mean()
            worst = found.groupby("person")["named"].mean().max()
            faces = len(found) // len(runs)
            spread = f" ± {100 * runs.std():.1f}" if len(runs) > 1 else ""
            cells = (count, f"{known:.1%}", who, found["person"].nunique(), faces, f"{100 * promised:g}%")
            print("| " + " | ".join(map(str, (*cells, f"{runs.mean():.1%}{spread}", f"{worst:.1%}"))) + " |")


if __name__ == "__main__":
    parser = arguments(__doc__)
    main(parser.parse_args())
