"""dvc.yaml says all that a stage depends on and all that it makes: by the imports, by the params, and by running it."""

from __future__ import annotations

import ast
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from clone import Clone, Step
from conftest import ROOT
from first_party import closure, modules, tree

from pipeline.params import Params

STAGES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
GROUP = "lanterns"
NOT_CODE = {path for path in (ROOT / "pipeline").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}


def names(entries: list[Any]) -> list[str]:
    """The paths of deps or outs, for the sample's group; one with options is a mapping of a single key."""
    listed = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return [path.replace("${item.group}", GROUP) for path in listed]


def deps(stage: str) -> list[str]:
    return names(STAGES[stage]["deps"])


def outs(stage: str) -> list[str]:
    return [path for kind in ("outs", "metrics", "plots") for path in names(STAGES[stage].get(kind, []))]


def files_behind(stage: str) -> set[str]:
    """The code that the stage runs, and the files beside it that this code names."""
    paths = {modules()[name] for name in closure(f"pipeline.{stage}")}
    strings = {node.value for path in paths for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    paths |= {path for path in NOT_CODE if path.name in strings}
    return {path.relative_to(ROOT).as_posix() for path in paths}


def sections_read(stage: str) -> set[str]:
    """The sections of params.yaml that the stage's code reads, seen by 'params.<section>' in it."""
    sections = {field.name for field in fields(Params)}
    nodes = (node for name in closure(f"pipeline.{stage}") for node in ast.walk(tree(modules()[name])))
    attributes = (node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in attributes if node.value.id == "params" and node.attr in sections}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_list_the_code_that_the_stage_imports(stage: str) -> None:
    listed = [path for path in deps(stage) if path.startswith("pipeline/")]
    needed = sorted(files_behind(stage))
    right = "\n".join(f"      - {path}" for path in needed)
    assert sorted(listed) == needed, f"dvc.yaml, stage {stage}, needs these deps:\n{right}"


@pytest.mark.parametrize("stage", STAGES)
def test_params_list_the_sections_that_the_stage_reads(stage: str) -> None:
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key in STAGES[stage]["params"]:
        section, _, name = key.partition(".")
        assert section in document
        assert not name or name in document[section]
    assert {key.partition(".")[0] for key in STAGES[stage]["params"]} == sections_read(stage)


@pytest.mark.parametrize(
    ("key", "stages"),
    [
        ("models.detector", {"faces", "validate"}),
        ("models.embedder", {"embed", "train", "validate"}),
        ("models", set()),
        ("models.accept_licence", set()),  # it changes nothing that was made
    ],
)
def test_another_network_is_asked_for_by_the_stages_that_use_it(key: str, stages: set[str]) -> None:
    """The others depend on it through what these make; the model card names both."""
    assert {stage for stage in STAGES if key in STAGES[stage]["params"]} == stages


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_a_module_run_for_each_group(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"python -m pipeline.{stage} data/${{item.group}}"
    assert STAGES[stage]["matrix"] == {"group": "${groups}"}
    assert f"pipeline.{stage}" in modules()


def test_every_stage_module_is_a_stage() -> None:
    runnable = {
        name
        for name, path in modules().items()
        if "run_stage(main)" in path.read_text(encoding="utf-8") and name.startswith("pipeline.")
    }
    assert {f"pipeline.{stage}" for stage in STAGES} == runnable


def test_what_a_stage_takes_another_makes_or_a_person_keeps() -> None:
    made = {path for stage in STAGES for path in outs(stage)}
    kept = {f"data/{GROUP}/{name}" for name in ("raw", "raw/manifest.parquet", "roster.yaml", "review.csv")}
    taken = {path for stage in STAGES for path in deps(stage) if not path.startswith("pipeline/")}
    assert taken - made == kept


class TestInAClone:
    """By running DVC: the steps are told in clone.py."""

    def test_nothing_is_left_to_do(self, story: dict[str, Step]) -> None:
        assert story["dvc repro"].printed.rstrip().endswith("Data and pipelines are up to date.")
        assert "Running stage" not in story["dvc repro"].printed
        assert story["dvc status"].printed.strip() == "Data and pipelines are up to date."

    def test_a_checkout_of_what_is_there_changes_nothing(self, story: dict[str, Step]) -> None:
        """DVC removes whatever it does not know of: once the raw photos, whose raw.dvc it did not see."""
        assert story["dvc checkout"].files == story["dvc status"].files

    def test_every_stage_says_in_one_line_what_it_did(self, story: dict[str, Step]) -> None:
        lines = story["demo"].printed.splitlines()
        for stage in STAGES:
            (line,) = (line for line in lines if line.startswith(f"{stage}: "))
            assert re.search(r"\d", line)

    def test_every_file_made_is_an_output(self, story: dict[str, Step]) -> None:
        owned = {path for stage in STAGES for path in outs(stage)}
        owned |= {
            f"data/{GROUP}/{name}"
            for name in ("raw", "raw.dvc", ".raw.lock", "roster.yaml", "review.csv", ".gitignore")
        }
        places = (f"data/{GROUP}/", f"models/{GROUP}/", "metrics/")
        made = [name for name in story["demo"].files if name.startswith(places)]
        stray = [name for name in made if not any(name == path or name.startswith(f"{path}/") for path in owned)]
        assert len(made) > 200
        assert [name for name in stray if not name.endswith(".gitignore")] == []

    def test_rows_in_are_rows_kept_and_rows_dropped(self, story: dict[str, Step], clone: Clone) -> None:
        data = clone.folder / "data" / GROUP
        read = {path.relative_to(data).as_posix(): pd.read_parquet(path) for path in data.rglob("*.parquet")}
        manifest = set(read["raw/manifest.parquet"]["key"])
        clean, faces, curated = (set(read[f"{name}.parquet"]["key"]) for name in ("clean", "faces", "curated"))
        tables = {name: read[f"dropped/{name}.parquet"] for name in ("clean", "faces", "curate")}
        dropped = {name: set(rows["key"][rows["stage"] == name]) for name, rows in tables.items()}
        assert {key.partition(".")[0] for key in clean | dropped["clean"]} == manifest
        assert clean & dropped["clean"] == set()
        assert (faces | dropped["faces"], faces & dropped["faces"]) == (clean, set())
        assert (curated | dropped["curate"], curated & dropped["curate"]) == (faces, set())
        assert all((read[f"dropped/{name}.parquet"]["reason"] != "").all() for name in dropped)

    def test_one_photo_more_costs_one_photo(self, story: dict[str, Step]) -> None:
        (found,) = re.findall(r"(\d+) photos? added, (\d+) were there already", story["import"].printed)
        assert found == ("1", "1")
        before, after = story["demo again"].files, story["dvc repro of one more"].files
        for folder in ("raw", "clean", "faces"):
            inside = f"data/{GROUP}/{folder}/"
            new = [name for name in after if name.startswith(inside) and name not in before]
            pictures = [name for name in before if name.startswith(inside) and not name.endswith(".parquet")]
            assert len(new) == 1, folder
            assert len(pictures) > 50
            assert [name for name in pictures if after[name] != before[name]] == []

    def test_a_person_s_files_are_left_alone(self, story: dict[str, Step]) -> None:
        before, after = story["demo"].files, story["dvc repro of one more"].files
        for name in ("params.yaml", f"data/{GROUP}/roster.yaml", f"data/{GROUP}/review.csv"):
            assert after[name] == before[name]

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_stage_needs_only_its_deps_and_makes_only_its_outs(
        self, stage: str, story: dict[str, Step], clone: Clone, tmp_path: Path
    ) -> None:
        for path in [*deps(stage), "params.yaml"]:
            copy(clone.folder / path, tmp_path / path)
        alone = Clone(tmp_path)
        before = alone.files()
        after = alone.run(f"pipeline.{stage}", f"data/{GROUP}").files
        assert {name: after[name] for name in before} == before
        made = {name for name in after.keys() - before.keys() if not name.startswith("cache/locks/")}
        owners = {name: [path for path in outs(stage) if f"{name}/".startswith(f"{path}/")] for name in made}
        assert [name for name, owner in owners.items() if not owner] == []
        assert {owner[0] for owner in owners.values()} == set(outs(stage))
        for name in made:
            # Bit by bit, while the group grew, it made what it makes from scratch.
            assert_same(tmp_path / name, clone.folder / name)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def assert_same(path: Path, other: Path) -> None:
    if path.suffix == ".parquet":
        one, two = (pd.read_parquet(file) for file in (path, other))
        if "vector" in one:
            vectors, others = (np.stack(table.pop("vector")) for table in (one, two))
            np.testing.assert_allclose(vectors, others, atol=1e-5)
        pd.testing.assert_frame_equal(one, two)
    elif path.suffix in (".jpg", ".png", ".csv"):
        assert path.read_bytes() == other.read_bytes()
    else:
        assert path.stat().st_size > 0
