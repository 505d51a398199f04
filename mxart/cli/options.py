"""What commands share: the option ``--config``, and the way from it to settings.

A command takes ``@config_option`` and calls `settings_or_exit` with what it was given::

    @click.command()
    @config_option
    def command(config: Path | None) -> None:
        settings = settings_or_exit(config)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from mxart.config import NO_OVERRIDES, ConfigurationError, Overrides, find, load, quick_start
from mxart.settings import Settings

F = TypeVar("F", bound=Callable[..., object])

PROBLEMS, WRONG_USAGE = 1, 2  # exit codes, beside 0


def _or_from_group(ctx: click.Context, parameter: click.Parameter, value: object) -> object:
    """What stands before the command counts for the command, too: ``mxart --config FILE check``."""
    if value in (None, ()) and ctx.parent is not None:
        return ctx.parent.params.get(parameter.name or "", value)
    return value


def config_option(function: F) -> F:
    """The command takes ``--config FILE`` as ``config: Path | None``."""
    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        callback=_or_from_group,
        help="The configuration file.",
    )(function)


def workers_option(function: F) -> F:
    """The command takes ``--workers N`` as ``workers: int | None``."""
    return click.option(
        "--workers",
        type=click.IntRange(0, 1024),
        metavar="N",
        callback=_or_from_group,
        help="Worker processes; 0: one for each core. Wins over the file.",
    )(function)


def listen_option(function: F) -> F:
    """The command takes any number of ``--listen ADDR`` as ``listen: tuple[str, ...]``."""
    return click.option(
        "--listen",
        multiple=True,
        metavar="ADDR",
        callback=_or_from_group,
        help="host:port, [IPv6]:port or unix:/path; wins over listen in [server]. May be given again.",
    )(function)


def _say_nothing(line: str) -> None:
    return


def working_directory() -> Path:
    """Where relative paths begin; ends the command when somebody has removed that folder."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise click.ClickException("the working directory is gone; change to one that is there") from error


def loader(
    config: Path | None, overrides: Overrides = NO_OVERRIDES, say: Callable[[str], None] = _say_nothing
) -> Callable[[], Settings]:
    """A function that reads the configuration anew each time it is called, and raises ConfigurationError.

    Which file that is has been settled once. Without a file it is the quick start, and what this machine's clients
    use has been looked up once; ``say`` is then told, line by line, what that is.
    """
    from mxart.formats import FORMATS

    file, here = find(config, os.environ), working_directory()
    if file is not None:
        path = here / file
        return lambda: load(path, FORMATS, os.environ, overrides)

    from mxart.cli.discover import discover, introduction

    found = discover(FORMATS, os.environ, overrides)
    for line in introduction(found, FORMATS):
        say(line)
    return lambda: quick_start(found.proposals, FORMATS, os.environ, overrides)


def settings_or_exit(config: Path | None, overrides: Overrides = NO_OVERRIDES) -> Settings:
    """The settings; ends the command with exit code 2, every problem on standard error, when they cannot be had."""
    try:
        return loader(config, overrides)()
    except ConfigurationError as error:
        exit_with(error)


def exit_with(error: ConfigurationError) -> NoReturn:
    """Ends the command: every problem on standard error, exit code 2."""
    for problem in error.problems:
        click.echo(problem, err=True)
    count = len(error.problems)
    click.echo(f"mxart: {count} problem{'s' if count > 1 else ''} in the configuration", err=True)
    raise SystemExit(WRONG_USAGE)
