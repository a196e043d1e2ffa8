"""The command line: its commands (flows/commands), and how errors and signals end it."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from flows.commands.completion import rejoin_words
from flows.commands.crawl import crawl
from flows.commands.demo import demo
from flows.commands.doctor import doctor
from flows.commands.forget import forget
from flows.commands.import_ import import_
from flows.commands.label import label
from flows.commands.photo import photo
from flows.commands.queue import queue
from flows.commands.refresh import refresh
from flows.commands.review import review
from flows.commands.rollback import rollback
from flows.commands.score import score
from flows.commands.serve import serve
from flows.commands.worker import worker
from pipeline import __version__
from pipeline.errors import FAILED, one_line

app = typer.Typer(
    help="Learns the faces of a group's members from photos and names every face in their videos.\n\n"
    "Example: `lineup label concert.mp4 --group lanterns`",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(crawl)
app.command("import")(import_)
app.command()(refresh)
app.command()(rollback)
app.command()(label)
app.command()(photo)
app.add_typer(queue, name="queue")
app.command()(worker)
app.command()(serve)
app.command()(review)
app.command()(forget)
app.command()(score)
app.command()(doctor)
app.command()(demo)


def main() -> None:
    """Run the command line: an error is one line on stderr, with a trace only if --debug is given.

    The exit status is FAILED, or Typer's own for what is not a command line.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being stopped ends what was started, as Ctrl-C does
    rejoin_words()
    try:
        # Named also when run as a module, so that completion knows it by one name.
        status = app(prog_name="lineup", standalone_mode=False)
    except typer.TyperException as error:
        _print_error(_usage(error))
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _print_error(one_line(error))
        raise SystemExit(FAILED) from None
    raise SystemExit(status)


def _print_error(line: str) -> None:
    from pipeline.words import printable

    if line:
        print(printable(line), file=sys.stderr)


def _usage(error: typer.TyperException) -> str:
    """What is wrong with a command line, and whose --help says what is right; '' when the help itself was shown."""
    said = " ".join(error.format_message().split()).removeprefix("Invalid value: ").replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else " ".join(["lineup", *_commands(sys.argv[1:])])
    return f"error: {said[0].lower()}{said[1:].rstrip('.')} (see '{command} --help')" if said else ""


def _commands(words: list[str]) -> Iterator[str]:
    """The words that are the names of a command, and of one of its own."""
    command: Any = typer.main.get_command(app)
    for word in (word for word in words if not word.startswith("-")):
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return
        yield word


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.")] = False,
) -> None:
    """Options that go before the command; both are acted on elsewhere."""


if __name__ == "__main__":
    main()
