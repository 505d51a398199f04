"""A folder on its way to be a version of a Go module: which module, which version, which files, and its zip."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from mxart.cli import worktree
from mxart.cli.progress import meter
from mxart.cli.worktree import WorkTree
from mxart.errors import Invalid, MxartError
from mxart.formats.go.pack import write
from mxart.formats.go.sources import GoMod, LeftOut, Selection, read_gomod, select, walk
from mxart.formats.go.sums import Sums
from mxart.formats.go.tags import check_version, tagged_version


class Refused(click.ClickException):
    """What cannot be published as it is; ``problems``: all the reasons, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be published. ``time``: UTC seconds of the commit that is tagged so; None: when it is published."""

    module: str
    version: str
    time: int | None
    selection: Selection


@dataclass(frozen=True, slots=True)
class Zip:
    """The zip of a release, from its start, and its sums."""

    file: BinaryIO
    size: int  # bytes
    sums: Sums


# --- what it is --------------------------------------------------------------------------------------------------


def release(folder: Path, module: str | None, version: str | None) -> Release:
    """What is published of ``folder``: the module of its go.mod and the version of its commit's tag unless given.

    Raises UsageError for what has to be given, Refused with every problem, ClickException when git cannot be asked.
    """
    tree = worktree.find(folder)
    try:
        gomod = read_gomod(folder)
        selection = _selection(folder, tree, gomod)
    except MxartError as error:
        raise Refused([error.message]) from error
    except OSError as error:
        raise Refused([f"{error.filename} cannot be read: {error.strerror}."]) from error
    path = module or gomod.module
    if not path:
        raise click.UsageError(f"{folder} has no go.mod: say with --module which module it is")
    try:
        named, time = _version(tree, path, version, selection)
        problems = [*_name_problems(path, named, selection), *selection.problems]
    except Invalid as error:  # the path has no major version to look for
        problems = [error.message, *selection.problems]
    if problems:
        raise Refused(problems)
    _warn_of_fork(path, gomod)
    return Release(path, named, time, selection)


def _selection(folder: Path, tree: WorkTree | None, gomod: GoMod) -> Selection:
    if tree is None:
        paths, passed_over = walk(folder)
        selection = select(folder, paths, gomod.go)
    else:
        selection = select(tree.folder, tree.tracked(), gomod.go, tree.license())
        passed_over = [LeftOut(path, "not tracked by git") for path in tree.untracked()]
        passed_over += [LeftOut(path, "ignored by git") for path in tree.ignored()]
        if gomod.module and not selection.has_gomod and not selection.problems:
            raise Invalid("The go.mod is not tracked by git, so it would not be published: git add it.")
    left_out = sorted([*selection.left_out, *passed_over], key=lambda each: each.path)
    return Selection(selection.files, left_out, selection.problems)


def _version(tree: WorkTree | None, module: str, given: str | None, selection: Selection) -> tuple[str, int | None]:
    """The version, and the time of the commit when it is tagged with it and nothing has been changed since.

    Raises Invalid for a module path that is malformed.
    """
    if tree is None:
        if given is None:
            raise click.UsageError("say with --version which version it is: the folder is in no git work tree")
        return given, None
    if tree.is_dirty():
        if given is None:
            raise click.UsageError("tracked files have been changed: commit them, or say with --version what this is")
        click.echo("note: tracked files have been changed since the commit; they are taken as they are now", err=True)
        return given, None
    tagged = tagged_version(tree.tags(), tree.below, module, selection.has_gomod)
    if given is None and not tagged:
        example = f"{tree.below}/v1.2.3" if tree.below else "v1.2.3"
        raise click.UsageError(
            f"no tag of this commit is a version of {module}: tag it, like {example}, or say it with --version"
        )
    return given or tagged, tree.commit_time() if given in (None, tagged) else None


def _name_problems(module: str, version: str, selection: Selection) -> list[str]:
    try:
        check_version(module, version, selection.has_gomod)
    except Invalid as error:
        return [error.message]
    return []


def _warn_of_fork(module: str, gomod: GoMod) -> None:
    if gomod.module and gomod.module != module:
        click.echo(
            f"warning: the go.mod says {gomod.module}, not {module}: a server takes that only with allow_forks = true, "
            "and it can be used only with a replace directive",
            err=True,
        )


# --- its zip -----------------------------------------------------------------------------------------------------


@contextmanager
def zipped(wanted: Release, output: Path | None) -> Iterator[Zip]:
    """The zip of a release, in a temporary file; it stands at ``output``, too, whole or not at all.

    Raises Refused when it becomes too large, cannot be written, or a file was changed meanwhile.
    """
    with ExitStack() as stack:
        with _telling(), meter("packing", wanted.selection.size) as progress:
            file, name = stack.enter_context(_temporary(output.resolve().parent if output else None))
            sums = write(wanted.selection, wanted.module, wanted.version, file, progress.update)
            file.flush()
            if output is not None:
                name.chmod(0o644)
                name.replace(output)
            made = Zip(file, file.seek(0, os.SEEK_END), sums)
        yield made


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except MxartError as error:
        raise Refused([error.message]) from error
    except OSError as error:
        raise Refused([f"{error.filename or 'The zip'} cannot be read or written: {error.strerror}."]) from error


@contextmanager
def _temporary(folder: Path | None) -> Iterator[tuple[BinaryIO, Path]]:
    descriptor, text = tempfile.mkstemp(prefix=".mxart-", suffix=".zip", dir=folder)
    name = Path(text)
    try:
        with open(descriptor, "w+b") as file:
            yield file, name
    finally:
        name.unlink(missing_ok=True)
