"""Stage embed: aligned crops -> unit vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipeline.curation.strangers import stranger_metadata
from pipeline.images import read_still
from pipeline.incremental import FINGERPRINT, earlier_rows, fingerprint, saved_often
from pipeline.models import Embedder
from pipeline.models.embedder import OnnxEmbedder, embed_faces
from pipeline.models.weights import chosen_embedder
from pipeline.params import Params
from pipeline.progress import track
from pipeline.records import FACES, embeddings_schema
from pipeline.stage import run_stage
from pipeline.tables import read_metadata, read_table, write_table
from pipeline.vectors import EMBEDDINGS, UNLABELLED_EMBEDDINGS
from pipeline.words import counted

STAGE: Final = "embed"
REVISION: Final = 1  # raise it when the code below gives other vectors for the same crops
BATCH: Final = 32


def main(data: Path, params: Params) -> None:
    """Read faces.parquet, unlabelled.parquet and faces/; write a table of vectors for each of the two.

    Their metadata hold the network's name and hash, and how alike strangers are by it.
    """
    weights = chosen_embedder(params.models)
    embedder, strangers = OnnxEmbedder(weights), stranger_metadata(weights.strangers)
    told = []
    for source, target in (("faces.parquet", EMBEDDINGS), ("unlabelled.parquet", UNLABELLED_EMBEDDINGS)):
        faces, new = _embed(data, source, target, embedder, strangers)
        told.append(f"{counted(faces, 'face')}: {new} made into vectors, {faces - new} known")
    print(f"{STAGE}: {'; unlabelled '.join(told)}")


def _embed(data: Path, source: str, target: str, embedder: Embedder, metadata: dict[str, str]) -> tuple[int, int]:
    """Bring the table `target` up to date with `source`: how many faces it has, and how many are new."""
    faces = read_table(data / source, FACES)
    schema = embeddings_schema(embedder.dimensions)
    crops_made_by = read_metadata(data / source).get(FINGERPRINT)  # other gates or networks cut other crops
    made_by = fingerprint(STAGE, REVISION, embedder.sha256, crops_made_by)
    earlier = earlier_rows(data / target, schema, made_by)
    vectors = dict(zip(earlier["key"], earlier["vector"], strict=True))
    todo = [row for row in faces.itertuples() if row.key not in vectors]
    metadata = metadata | {FINGERPRINT: made_by, "embedder": embedder.name, "embedder_sha256": embedder.sha256}

    def save() -> None:
        done = faces[faces["key"].isin(vectors)]
        column = pd.Series([vectors[key] for key in done["key"]], done.index, dtype=object)
        write_table(data / target, done.assign(vector=column), schema, metadata)

    with saved_often(save) as one_done:
        for start in track(range(0, len(todo), BATCH), STAGE):
            batch = todo[start : start + BATCH]
            crops = np.stack([read_still(data / "faces" / row.path) for row in batch])
            vectors.update(zip((row.key for row in batch), embed_faces(embedder, crops), strict=True))
            one_done()
    return len(faces), len(todo)


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
