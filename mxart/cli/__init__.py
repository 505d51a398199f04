"""The command line: arguments, output, exit codes (0 done, 1 found problems, 2 wrong usage or configuration).

One file a command, each with a click command called ``command``; a command's file is imported only when it is used,
so that the server starts fast.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from mxart import __version__
from mxart.cli.options import config_option, listen_option, workers_option

# command → (module, what it does)
_COMMANDS = {
    "serve": ("mxart.cli.serve", "Serve the configured repositories."),
    "init": ("mxart.cli.init", "Write a configuration file for this machine."),
    "check": ("mxart.cli.check", "Check the configuration; start nothing."),
    "fsck": ("mxart.cli.fsck", "Check the store, and repair it."),
    "gc": ("mxart.cli.gc", "Remove what nothing refers to any more."),
    "trash": ("mxart.cli.trash", "List and restore what was deleted."),
    "why": ("mxart.cli.why", "Explain how a URL is answered."),
    "repo": ("mxart.cli.repo", "List and show repositories."),
    "go": ("mxart.cli.go", "Publish Go modules."),
    "import": ("mxart.cli.importing", "Copy other repositories into this one."),
    "stats": ("mxart.cli.stats", "Show what the stores hold."),
}


class _Lazy(click.Command):
    """A command known by name and summary only; whoever invokes it gets the real one from its module."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name, short_help=summary, help=summary)
        self.module = module

    def real(self) -> click.Command:
        found = importlib.import_module(self.module).command
        assert isinstance(found, click.Command), f"{self.module}.command is no click command"
        return found


class _Group(click.Group):
    """Resolves a command only when it is invoked; a list of commands imports none."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found.real() if isinstance(found, _Lazy) else found, rest


@click.group(
    cls=_Group,
    invoke_without_command=True,
    commands=[_Lazy(name, module, summary) for name, (module, summary) in _COMMANDS.items()],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="mxart", message="%(prog)s %(version)s")
@config_option
@workers_option
@listen_option
@click.pass_context
def main(ctx: click.Context, config: Path | None, workers: int | None, listen: tuple[str, ...]) -> None:
    """mxart, an artifact repository. Without a command it serves.

    The configuration is FILE, else $MXART_CONFIG, else ./mxart.toml, else /etc/mxart/mxart.toml, else what the
    clients on this machine use today.
    """
    if ctx.invoked_subcommand is None:
        from mxart.cli.serve import serve

        ctx.exit(serve(config, workers, listen))
