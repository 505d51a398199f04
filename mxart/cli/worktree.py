"""A folder as git knows it: which files it tracks there, which tags its commit has. Runs git, and changes nothing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import click

# a hook that calls us has set them to its own repository
_OF_ANOTHER_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}


@dataclass(frozen=True, slots=True)
class WorkTree:
    """``folder``, which lies in the git work tree ``top``. Its methods raise ClickException with git's own words."""

    folder: Path
    top: Path

    @property
    def below(self) -> str:
        """Where the folder is, seen from the top, with slashes; "" for the top itself."""
        path = self.folder.relative_to(self.top).as_posix()
        return "" if path == "." else path

    def tracked(self) -> list[str]:
        """The paths, below the folder, of what git tracks there; a submodule is one path."""
        return list(dict.fromkeys(self._names("ls-files", "-z")))

    def untracked(self) -> list[str]:
        """The paths of what git does not track and has not been told to ignore; a folder ends in a slash."""
        return self._names("ls-files", "-z", "--others", "--exclude-standard", "--directory")

    def ignored(self) -> list[str]:
        """The paths of what git was told to ignore; a folder ends in a slash."""
        return self._names("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")

    def license(self) -> Path | None:
        """The tracked LICENSE at the top, when the folder is another one."""
        if not self.below or not self._run("ls-files", "-z", "--", ":(top,literal)LICENSE"):
            return None
        return self.top / "LICENSE"

    def is_dirty(self) -> bool:
        """Whether a tracked file that would be published is not as its commit has it."""
        what = (".", ":(top,literal)LICENSE")
        return bool(self._run("status", "--porcelain", "-z", "--untracked-files=no", "--", *what))

    def tags(self) -> list[str]:
        """The tags of the commit that is checked out."""
        return self._run("tag", "--points-at", "HEAD").split()

    def commit_time(self) -> int:
        """When that commit was made; UTC seconds."""
        return int(self._run("log", "-1", "--no-show-signature", "--format=%ct", "HEAD"))

    def _names(self, *arguments: str) -> list[str]:
        return [name for name in self._run(*arguments).split("\0") if name and name != "./"]

    def _run(self, *arguments: str) -> str:
        return _git(self.folder, *arguments)


def find(folder: Path) -> WorkTree | None:
    """The folder as a part of its git work tree; None when it lies in none.

    Raises ClickException when it does and git cannot be asked: to go on with every file that is there would publish
    what nobody meant to.
    """
    folder = folder.resolve()
    if not any(os.path.lexists(each / ".git") for each in (folder, *folder.parents)):
        return None
    top = Path(_git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    return WorkTree(folder, top.resolve())


def _git(folder: Path, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    environ |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise click.ClickException(f"{folder} is in a git work tree, and git is not installed: install it") from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise click.ClickException(f"git {arguments[0]} fails in {folder}: {words or f'exit code {done.returncode}'}")
    return os.fsdecode(done.stdout)
