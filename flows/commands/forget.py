"""lineup forget: a member or a photo, out of everything."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import Group
from flows.project import enter_project


def forget(
    group: Group,
    member: Annotated[str | None, typer.Argument(help="The member's key or shown name.")] = None,
    photo: Annotated[
        str | None,
        typer.Option("--photo", metavar="KEY", help="Forget this photo only; 8 characters of its key or more."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed and changed.")] = False,
) -> None:
    """Remove a member or a photo from photos, tables, decisions, model and metrics; if stopped, the same again goes on.

    Example: `lineup forget Mira --group lanterns --dry-run`
    """
    enter_project()
    from flows.forgetting import carry_out, left_to_do, plan

    forgetting = plan(group, member, photo)
    count = len(forgetting.person.keys)
    whom = forgetting.person.member or "this photo"
    print(f"{whom}: {count} photos, {len(forgetting.steps)} files and folders to remove or change")
    if dry_run:
        for step in forgetting.steps:
            print(f"would {step.what}: {step.path}")
    else:
        if forgetting.steps and not yes:
            typer.confirm("This cannot be undone. Go on?", abort=True)
        for step in carry_out(forgetting):
            print(f"{step.what}: {step.path}", flush=True)
    for note in forgetting.notes:
        print(f"note: {note}")
    print(left_to_do(group))
