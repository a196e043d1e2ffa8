"""What the project's own modules import, read from their source without running them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from conftest import ROOT

PACKAGES = ("pipeline", "flows")


def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package by its own, for its __init__.py."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {dotted(path): path for path in sorted(paths)}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imported(module: str) -> frozenset[str]:
    """Dotted names that `module` imports anywhere in its source, also in functions; 'from a import b' gives both."""
    names: set[str] = set()
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively: write the whole name"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def first_party(module: str) -> set[str]:
    """The project's modules that `module` imports."""
    return set(imported(module) & modules().keys()) - {module}


def libraries(module: str) -> set[str]:
    """The top-level packages from outside that `module` imports."""
    return {name.partition(".")[0] for name in imported(module)} - set(PACKAGES)


def closure(module: str) -> set[str]:
    """All modules that importing `module` runs: itself, what it imports, and so on, with the packages around each."""
    found: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        todo += first_party(name)
        if "." in name:
            todo.append(name.rpartition(".")[0])
    return found
