"""All commands, and the one place that turns a :class:`FaciesError` into one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from facies import __version__
from facies.cli import (
    check,
    compare,
    compare_learning,
    demo,
    doctor,
    embed,
    encoders,
    finetune,
    init,
    predict,
    pretrain,
    read,
    replicate,
    sources,
    weights,
)
from facies.cli import run as run_command
from facies.errors import FaciesError

INTERRUPTED = 130
"""The exit status after Ctrl-C."""

app = typer.Typer(
    name="facies",
    help="Turn a cohort's face photographs into study results. For research only: no diagnosis, no identification.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("run")(run_command.run)
app.command("pretrain")(pretrain.pretrain)
app.command("finetune")(finetune.finetune)
app.command("compare-learning")(compare_learning.compare_learning)
app.add_typer(read.app, name="read")
app.command("compare")(compare.compare)
app.command("embed")(embed.embed)
app.command("predict")(predict.predict)
app.command("replicate")(replicate.replicate)
app.add_typer(encoders.app, name="encoders")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("sources")(sources.sources)
app.add_typer(weights.app, name="weights")


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    try:
        status = app(args=list(arguments), standalone_mode=False)
    except FaciesError as error:
        print(f"facies: {error}", file=sys.stderr)
        return 2
    except TyperException as error:
        print(_one_line_or_help(error.format_message()), file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        print("facies: stopped; what was finished is kept, the same command goes on from there", file=sys.stderr)
    return status if isinstance(status, int) else 0


def _one_line_or_help(message: str) -> str:
    """Return a complaint about the arguments as one line; where there were none, the message is the help itself."""
    return message if "\n" in message else f"facies: {message.rstrip('.')}; see --help"
