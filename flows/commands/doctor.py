"""lineup doctor: what is missing here, and its cure."""

from __future__ import annotations

import typer

from flows.commands.options import AsJson, print_json
from flows.project import enter_project
from pipeline.errors import FAILED


def doctor(as_json: AsJson = False) -> None:
    """Say what is there, what is missing, and how to mend it. The exit status is 1 when something is missing.

    Example: `lineup doctor`
    """
    enter_project()
    from flows.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            mark = "mend" if finding.cure else "ok"
            print(f"{mark:5} {finding.what:10} {finding.found}", flush=True)
            if finding.cure:
                print(f"{'':16} -> {finding.cure}")
    if as_json:
        print_json(findings)
    if any(finding.cure for finding in findings):
        raise typer.Exit(FAILED)
