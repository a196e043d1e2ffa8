"""How large modules and functions are, whether imports run in a circle, and how long `lineup --help` takes.

    python bench/sizes.py [--most N]

tests/test_architecture.py holds the bounds.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipeline", "flows")
HELP = [sys.executable, "-m", "flows.cli", "--help"]
TIMES = 5


def main(most: int) -> None:
    print_sizes("modules", module_lines(), most)
    print_sizes("functions", function_lines(), most)
    print(f"circle of imports: {' -> '.join(circle(imports())) or 'none'}")
    print(f"lineup --help: {help_s():.2f} s, the fastest of {TIMES}")


def modules() -> dict[str, ast.Module]:
    """Every module by its dotted name, a package by its own."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items()}


def module_lines() -> dict[str, int]:
    """To the last line of code of every module that has more than a docstring."""
    return {name: tree.body[-1].end_lineno or 0 for name, tree in modules().items() if len(tree.body) > 1}


def function_lines() -> dict[str, int]:
    """Of every function and method, from `def` to its end."""
    return {
        f"{module} {node.name} (line {node.lineno})": (node.end_lineno or node.lineno) - node.lineno + 1
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def imports() -> dict[str, set[str]]:
    """Which of the project's modules each imports anywhere in its source; not the package it is in."""
    found = modules()
    graph: dict[str, set[str]] = {}
    for name, tree in found.items():
        nodes = list(ast.walk(tree))
        named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in (node for node in nodes if isinstance(node, ast.ImportFrom)):
            named |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        # 'from package import module' names the package too; only its own imports could close a circle.
        graph[name] = (named & found.keys()) - {name, name.rpartition(".")[0]}
    return graph


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, the first once more at the end; none when there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def median_and_p90(lines: Mapping[str, int]) -> tuple[float, float]:
    return statistics.median(lines.values()), statistics.quantiles(lines.values(), n=10)[-1]


def help_s() -> float:
    times = []
    for _ in range(TIMES):
        began_s = time.perf_counter()
        subprocess.run(HELP, check=True, capture_output=True, cwd=ROOT)
        times.append(time.perf_counter() - began_s)
    return min(times)


def print_sizes(what: str, lines: Mapping[str, int], most: int) -> None:
    median, p90 = median_and_p90(lines)
    print(f"{len(lines)} {what}: median {median:.0f} lines, p90 {p90:.0f}; the largest:")
    for name in sorted(lines, key=lines.__getitem__, reverse=True)[:most]:
        print(f"  {lines[name]:4} {name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10, help="how many of the largest are listed")
    main(parser.parse_args().most)
