"""Which files of a folder make a module version: what the go command leaves out, and what no module may hold.

It runs no version control: what a folder holds is told to it, or walked. The rules of module zips are those of
``modzip.py``, with its words; here they are checked on files, all at once.

Specification: Go Modules Reference, "Module zip files" and "Vendoring"; what they leave open, as the ``zip``
package of the go command does it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mxart import archive
from mxart.errors import Conflict, Invalid
from mxart.formats.go import gomod, modzip, names

_VCS = frozenset({".bzr", ".git", ".hg", ".svn"})
_IRREGULAR = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a git submodule"}  # a folder where git tracks one path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that goes in: ``path`` below the module's root, with slashes; ``file`` holds its ``size`` bytes."""

    path: str
    file: Path
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What does not go in. A path with a slash at its end stands for all that is below it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What a module version is made of, in the order of the zip; ``problems``: sentences, and then it cannot be."""

    files: Sequence[SourceFile]
    left_out: Sequence[LeftOut]
    problems: Sequence[str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(source.size for source in self.files)

    @property
    def has_gomod(self) -> bool:
        return any(source.path == "go.mod" for source in self.files)


# --- what its go.mod says ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GoMod:
    """The directives that decide how a module is packed; "" and None where there is none."""

    module: str = ""
    go: tuple[int, int] | None = None  # the language version


def read_gomod(folder: Path) -> GoMod:
    """What the go.mod of a folder says; nothing when there is none.

    Raises Corrupt for one that the go command cannot read, Invalid for one that is too large, OSError.
    """
    file = folder / "go.mod"
    if not file.is_file() or file.is_symlink():
        return GoMod()
    with file.open("rb") as opened:
        if problem := modzip.file_problem("go.mod", os.fstat(opened.fileno()).st_size):
            raise Invalid(problem)
        data = opened.read(modzip.MAX_ROOT_FILE)
    return GoMod(gomod.module_path(data), gomod.language_version(data))


# --- which files -------------------------------------------------------------------------------------------------


def walk(folder: Path) -> tuple[list[str], list[LeftOut]]:
    """The paths of all files below ``folder``, and the folders that were not looked into. Raises OSError."""
    paths: list[str] = []
    left_out: list[LeftOut] = []
    pending = [""]
    while pending:
        below = pending.pop()
        for entry in os.scandir(folder / below):
            path = below + entry.name
            if not entry.is_dir(follow_symlinks=False):
                paths.append(path)
            elif entry.name in _VCS:
                left_out.append(LeftOut(f"{path}/", "version control"))
            elif _is_module(Path(entry.path)):
                left_out.append(LeftOut(f"{path}/", "another module"))
            else:
                pending.append(f"{path}/")
    return paths, left_out


def _is_module(folder: Path) -> bool:
    return os.path.lexists(folder / "go.mod") and not (folder / "go.mod").is_dir()


def select(folder: Path, paths: Iterable[str], go: tuple[int, int] | None, license_: Path | None = None) -> Selection:
    """What goes into the zip of the module at ``folder`` of the files at ``paths`` below it, and every reason why not.

    ``go``: the language version of its go.mod, on which it depends what counts as vendored. ``license_``: what stands
    in for LICENSE when none of the paths is.
    """
    sources = {path: folder / path for path in paths}
    if license_ is not None:
        sources.setdefault("LICENSE", license_)
    return _Selecting(folder, sources, go).run()


class _Selecting:
    """One run of `select`."""

    def __init__(self, folder: Path, sources: dict[str, Path], go: tuple[int, int] | None) -> None:
        self._folder = folder
        self._sources = sources
        self._drops_module_list = go is not None and go >= (1, 24)
        self._modules = {_parent(path) for path in sources if self._is_nested_gomod(path)}
        self._spelled: dict[str, str] = {}  # folded path → as it is spelled
        self._linked: dict[str, bool] = {"": False}  # folder → reached through a symbolic link?
        self._files: list[SourceFile] = []
        self._left_out: dict[str, str] = {}
        self._problems: list[str] = []

    def run(self) -> Selection:
        for path in sorted(self._sources, key=os.fsencode):
            try:
                self._take(path)
            except (Invalid, Conflict) as error:
                self._problems.append(error.message)
            except OSError as error:
                self._problems.append(f"The file {path[:200]!r} cannot be read: {error.strerror}.")
        left_out = [LeftOut(*pair) for pair in self._left_out.items()]
        selection = Selection(self._files, left_out, self._problems)
        self._problems += _size_problems(selection)
        return selection

    def _take(self, path: str) -> None:
        """In the order of the go command's checks: what is left out may have any name."""
        place, reason = self._omission(path)
        if reason:
            self._left_out[place] = reason
            return
        names.check_file_path(path)
        if path.lower() == "go.mod" and path != "go.mod":
            raise Invalid(modzip.misplaced_gomod(path))
        self._check_spelling(path)
        status = self._status(path)
        if not stat.S_ISREG(status.st_mode):
            self._left_out[path] = _IRREGULAR.get(stat.S_IFMT(status.st_mode), "no regular file")
            return
        self._files.append(SourceFile(path, self._sources[path], status.st_size))

    def _omission(self, path: str) -> tuple[str, str]:
        """What to name as left out, and why; "" when the path is not."""
        if is_vendored(path, self._drops_module_list):
            return "".join(f"/{path}".partition("/vendor/")[:2]).removeprefix("/"), "vendored packages"
        for parent in _parents(path):
            if parent in self._modules:
                return f"{parent}/", "another module"
        if path == ".hg_archival.txt":
            return path, "made by hg archive"
        if self._is_linked(_parent(path)):
            return path, "below a symbolic link"
        return "", ""

    def _status(self, path: str) -> os.stat_result:
        try:
            return os.lstat(self._sources[path])
        except FileNotFoundError:
            raise Conflict(
                f"The file {path[:200]!r} is not there any more: bring it back, or take it out with git rm."
            ) from None

    def _is_nested_gomod(self, path: str) -> bool:
        below, _, base = path.rpartition("/")
        return bool(below) and base.lower() == "go.mod" and (self._folder / path).is_file()

    def _is_linked(self, below: str) -> bool:
        """Git knows files by paths in which a folder may have become a link to elsewhere."""
        if below not in self._linked:
            self._linked[below] = self._is_linked(_parent(below)) or (self._folder / below).is_symlink()
        return self._linked[below]

    def _check_spelling(self, path: str) -> None:
        for each in (path, *_parents(path)):
            known = self._spelled.setdefault(modzip.fold(each), each)
            if known != each:
                raise Conflict(modzip.clash(known, each))


def is_vendored(path: str, drops_module_list: bool) -> bool:
    """Whether the file belongs to a vendored package. ``drops_module_list``: the module asks for go 1.24 or later.

    Before 1.24 the go command kept ``vendor/modules.txt`` and dropped all of a deeper ``vendor`` folder, and sums that
    stand in go.sum files depend on that.
    """
    if path.startswith("vendor/"):
        below = path.removeprefix("vendor/")
        return "/" in below or (drops_module_list and below == "modules.txt")
    _, found, below = path.partition("/vendor/")
    return bool(found) and ("/" in below or not drops_module_list)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _parents(path: str) -> Iterator[str]:
    while path := _parent(path):
        yield path


def _size_problems(selection: Selection) -> Iterator[str]:
    if not selection.files and not selection.problems:
        yield "There is no file that a module may hold: the zip would be empty."
    if len(selection.files) > archive.MAX_ENTRIES:
        yield f"The module has {len(selection.files)} files; the limit is {archive.MAX_ENTRIES}."
    problems = [modzip.unpacked_problem(selection.size)]
    problems += [modzip.file_problem(source.path, source.size) for source in selection.files]
    yield from filter(None, problems)
