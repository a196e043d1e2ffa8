"""Which module may import which: the walls that later work must not move."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from first_party import closure, first_party, imported, libraries, modules, tree

STAGES = {f"pipeline.{name}" for name in yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]}
HEAVY = {"numpy", "pandas", "cv2", "pyarrow", "av", "onnxruntime", "sklearn", "tensorflow", "prefect", "dvc"}

# Each library that could be exchanged for another, or is slow to import, and the only modules that know it.
ADAPTERS = {
    "av": "pipeline.video.canvas pipeline.video.carried pipeline.video.clock pipeline.video.container "
    "pipeline.video.cutsound pipeline.video.decode pipeline.video.encoder pipeline.video.fancam pipeline.video.preview "
    "pipeline.video.probe pipeline.video.reel pipeline.video.render pipeline.video.sound",
    "bs4": "pipeline.crawl.bing pipeline.crawl.site",
    "cleanlab": "pipeline.curation.labelquality",
    "dvc": "",  # a command, never a library
    "fastapi": "flows.serve.page pipeline.review.app",
    "ffmpeg": "pipeline.video.mux",
    "icrawler": "pipeline.crawl.baidu pipeline.crawl.bing pipeline.crawl.engine pipeline.crawl.google "
    "pipeline.crawl.site",
    "imagehash": "pipeline.duplicates",
    "imageio_ffmpeg": "flows.doctor pipeline.video.ffmpeg",
    "jinja2": "flows.serve.page pipeline.pages",
    "keras": "pipeline.classifiers.keras_backend",
    "matplotlib": "pipeline.card.charts pipeline.card.members pipeline.card.style pipeline.card.training "
    "pipeline.figures pipeline.fonts pipeline.video.exports.plots",
    "onnx": "pipeline.classifiers.dense pipeline.classifiers.rebuild pipeline.models.fold",
    "onnxruntime": "pipeline.models.fold pipeline.models.session",
    "pyarrow": "pipeline.incremental pipeline.manifest pipeline.records pipeline.seen pipeline.tables",
    "pysubs2": "pipeline.video.exports.subtitles",
    "prefect": "flows.label.flow flows.label.fleet flows.prefect_server flows.queue.flow flows.refresh.flow "
    "flows.serve.schedules flows.serve.server flows.serve.sqlite",
    "prefect_dask": "flows.label.fleet",
    "psutil": "flows.label.capacity flows.queue.alive pipeline.tether",
    "rich": "flows.label.lines flows.queue.table flows.scoring pipeline.progress",
    "scenedetect": "pipeline.video.shots",
    "sklearn": "pipeline.card.alike pipeline.card.curves pipeline.classifiers.openset pipeline.classifiers.svm "
    "pipeline.curation.labelquality pipeline.validate",
    "skops": "pipeline.classifiers.state",
    "supervision": "pipeline.video.track",
    "tensorflow": "pipeline.classifiers.keras_backend",
    "trackers": "pipeline.video.track",
    "typer": "flows.cli flows.commands.completion flows.commands.crawl flows.commands.doctor flows.commands.forget "
    "flows.commands.import_ "
    "flows.commands.label flows.commands.options flows.commands.photo flows.commands.queue flows.commands.refresh "
    "flows.commands.review flows.commands.rollback flows.commands.score flows.commands.serve "
    "flows.commands.worker",
    "urllib3": "pipeline.crawl.connection pipeline.crawl.fetch pipeline.origins",
    "uvicorn": "flows.listening flows.serve.run flows.serve.server",
}
RUNS_ANYTHING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}


def below(package: str) -> set[str]:
    return {name for name in modules() if name == package or name.startswith(f"{package}.")}


VIDEO, MODELS, CLASSIFIERS = below("pipeline.video"), below("pipeline.models"), below("pipeline.classifiers")

# No module of the first set imports one of the second: flows -> stages and video -> classifiers, models -> records.
WALLS = {
    "the pipeline knows nothing of what runs it": (below("pipeline"), below("flows")),
    "a stage never imports a stage": (STAGES, STAGES),
    "nothing below the flows imports a stage": (below("pipeline"), STAGES),
    "stages do not know of videos": (below("pipeline") - VIDEO, VIDEO),
    "classifiers look for no faces": (CLASSIFIERS, {"pipeline.models.retinaface", "pipeline.models.quality"}),
    "networks do not know of classifiers": (MODELS, CLASSIFIERS),
    "records import nothing": ({"pipeline.records", "pipeline.errors"}, below("pipeline")),
}


@pytest.mark.parametrize(("above", "beneath"), WALLS.values(), ids=WALLS.keys())
def test_imports_point_one_way(above: set[str], beneath: set[str]) -> None:
    assert above
    assert beneath
    crossing = {module: sorted((first_party(module) - {"pipeline"}) & beneath) for module in above}
    assert {module: crossed for module, crossed in crossing.items() if crossed} == {}


def test_a_stage_reaches_no_other_stage_through_its_helpers() -> None:
    assert {stage: sorted((closure(stage) & STAGES) - {stage}) for stage in STAGES} == {stage: [] for stage in STAGES}


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """bench/sizes.py, which prints what these tests hold."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("sizes")


def test_imports_run_in_no_circle(sizes: Any) -> None:
    graph = sizes.imports()
    assert graph == {module: first_party(module) - {module.rpartition(".")[0]} for module in modules()}
    assert sizes.circle(graph) == []
    assert sizes.circle(graph | {"pipeline.errors": {"pipeline.tables"}})[0] in ("pipeline.errors", "pipeline.tables")


def test_modules_and_functions_stay_small(sizes: Any) -> None:
    median, _ = sizes.median_and_p90(sizes.module_lines())
    assert 0 < median <= 150
    median, p90 = sizes.median_and_p90(functions := sizes.function_lines())
    assert 0 < median <= 10
    assert p90 <= 40
    assert [name for name, lines in functions.items() if lines > 60] == []


@pytest.mark.parametrize("library", ADAPTERS)
def test_a_library_is_known_to_its_adapters_only(library: str) -> None:
    assert {module for module in modules() if library in libraries(module)} == set(ADAPTERS[library].split())


@pytest.mark.parametrize("library", ["prefect", "dvc", "typer", "retinaface"])
def test_the_pipeline_never_imports(library: str) -> None:
    assert [module for module in below("pipeline") if library in libraries(module)] == []


@pytest.mark.parametrize("module", modules())
def test_nothing_read_from_a_file_is_ever_run(module: str) -> None:
    assert libraries(module) & RUNS_ANYTHING == set()
    assert not {"os.system", "os.popen", "subprocess.getoutput", "yaml.unsafe_load"} & imported(module)
    calls = [node for node in ast.walk(tree(modules()[module])) if isinstance(node, ast.Call)]
    named = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    assert not named & {"eval", "exec", "compile", "__import__"}
    methods = {ast.unparse(node.func) for node in calls if isinstance(node.func, ast.Attribute)}
    assert not methods & {"os.system", "os.popen", "subprocess.getoutput", "yaml.load", "yaml.unsafe_load"}
    keywords = {(word.arg, ast.unparse(word.value)) for node in calls for word in node.keywords}
    assert not keywords & {("shell", "True"), ("allow_pickle", "True")}


def loaded_after(code: str, cwd: Path = ROOT) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded when it has run `code`, which prints nothing else."""
    report = f"{code}\nimport sys; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", report]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd, env=environment)
    assert done.stderr == ""
    (printed,) = done.stdout.splitlines()
    return {name.partition(".")[0] for name in printed.split()}


HELP = """
import contextlib, io, sys
import typer.main
import flows.cli
commands = typer.main.get_command(flows.cli.app).commands
within = [f"{name} {inner}" for name, one in commands.items() for inner in getattr(one, "commands", ())]
for command in ("", *commands, *within):
    sys.argv = ["lineup", *command.split(), "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        flows.cli.main()
    assert f"Usage: lineup {command}".strip() in shown.getvalue(), command
"""


def test_help_waits_for_no_heavy_import() -> None:
    loaded = loaded_after(HELP)
    assert {"typer", "flows"} <= loaded
    assert loaded & HEAVY == set()


def test_labelling_loads_neither_tensorflow_nor_prefect() -> None:
    loaded = loaded_after("import pipeline.video.label")
    assert {"onnxruntime", "cv2", "av"} <= loaded
    assert not loaded & {"tensorflow", "keras", "tf_keras", "retinaface", "torch", "prefect", "dvc", "icrawler"}


def test_importing_writes_and_prints_nothing(tmp_path: Path) -> None:
    everything = f"import importlib\nfor name in {sorted(modules())}:\n    importlib.import_module(name)"
    assert loaded_after(everything, tmp_path) >= HEAVY - {"tensorflow", "prefect", "dvc"}
    assert list(tmp_path.iterdir()) == []
