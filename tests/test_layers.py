"""The architecture as a test: who may import whom. Only upwards rows import lower ones; see the tables."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mxart

ROOT = Path(mxart.__file__).parent

# a module's row; a folder's holds for all in it. Imports go to lower rows, or stay in the folder.
ROWS = {
    "mxart.__init__": -1,
    "mxart.errors": 0,
    "mxart.units": 0,
    "mxart.offload": 0,
    "mxart.model": 0,
    "mxart.trail": 0,
    "mxart.documents": 0,
    "mxart.archive": 0,
    "mxart.httpfields": 0,
    "mxart.contract": 1,
    "mxart.registration": 1,
    "mxart.settings": 1,
    "mxart.store": 2,
    "mxart.upstream": 2,
    "mxart.config": 2,
    "mxart.formats": 3,
    "mxart.repository": 3,
    "mxart.access": 3,
    "mxart.jobs": 3,
    "mxart.server": 4,
    "mxart.api": 4,
    "mxart.web": 4,
    "mxart.assembly": 5,
    "mxart.cli": 6,
    "mxart.__main__": 7,
}

# in one row, whose modules otherwise would not see each other
WITHIN_ROW = {
    "mxart.model": {"mxart.errors", "mxart.units"},
    "mxart.documents": {"mxart.errors", "mxart.model", "mxart.offload"},
    "mxart.archive": {"mxart.errors"},
    "mxart.httpfields": {"mxart.errors"},
    "mxart.registration": {"mxart.contract", "mxart.settings"},
    "mxart.jobs": {"mxart.repository"},
}

# these see no more than values and contracts: what they act on is handed to them
ROWS_0_AND_1_ONLY = ("mxart.formats", "mxart.api", "mxart.web", "mxart.server")

# a library, and the only places that may import it
LIBRARIES = {
    "tornado.web": ("mxart.server",),
    "tornado.httpserver": ("mxart.server",),
    "tornado.http1connection": ("mxart.server",),
    "tornado.curl_httpclient": ("mxart.upstream",),
    "pycurl": ("mxart.upstream",),
    "lmdb": ("mxart.store",),
    "msgpack": ("mxart.store",),
    "toml": ("mxart.config",),
    "click": ("mxart.cli", "mxart.__main__"),
    "jinja2": ("mxart.web", "mxart.cli", "mxart.formats.maven.pages"),
    "argon2": ("mxart.access",),
    "jwt": ("mxart.access",),
    "tqdm": ("mxart.cli",),
}


def _name(file: Path) -> str:
    return ".".join(["mxart", *file.relative_to(ROOT).with_suffix("").parts])


MODULES = {_name(file): file for file in sorted(ROOT.rglob("*.py"))}


@cache
def imports(module: str) -> frozenset[str]:
    """The full names of everything that ``module`` imports, wherever in it."""
    return frozenset(_imports(module))


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES or f"{full}.__init__" in MODULES else base


def place(name: str) -> str:
    """The key of ROWS that ``name`` belongs to. Raises KeyError for a new folder that has no row yet."""
    name = "mxart.__init__" if name == "mxart" else name
    for key in (name, ".".join(name.split(".")[:2])):
        if key in ROWS:
            return key
    raise KeyError(f"{name} has no row in the table of layers")


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name == "mxart" or name.startswith("mxart.")}


def within(name: str, place_: str) -> bool:
    return name == place_ or name.startswith(place_ + ".")


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module: str) -> None:
    own = place(module)
    for name in ours(module):
        target = place(name)
        allowed = target == own or target in WITHIN_ROW.get(own, ()) or ROWS[target] < ROWS[own]
        assert allowed, f"{module} imports {name}"


@pytest.mark.parametrize("module", [m for m in MODULES if place(m) in ROWS_0_AND_1_ONLY])
def test_some_see_only_values_and_contracts(module: str) -> None:
    own = place(module)
    for name in ours(module):
        assert place(name) == own or ROWS[place(name)] <= 1, f"{module} imports {name}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("mxart.formats.") and m.count(".") > 2])
def test_formats_do_not_know_each_other(module: str) -> None:
    own = ".".join(module.split(".")[:3])
    for name in ours(module):
        assert not name.startswith("mxart.formats.") or within(name, own), f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_where_they_belong(module: str) -> None:
    for name in imports(module):
        for library, places in LIBRARIES.items():
            if within(name, library):
                assert any(within(module, allowed) for allowed in places), f"{module} imports {name}"


@pytest.mark.parametrize("module", [m for m in MODULES if ROWS[place(m)] <= 1])
def test_the_ground_needs_the_standard_library_only(module: str) -> None:
    for name in imports(module):
        top = name.partition(".")[0]
        assert top == "mxart" or top in sys.stdlib_module_names, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_named_like_one_of_the_standard_library(module: str) -> None:
    # __init__ and __main__ are Python's own names; below formats and cli a file has the name of its subject
    parts = [part for part in module.split(".")[1:] if not part.startswith("__")]
    assert not parts or parts[0] not in sys.stdlib_module_names


def test_folders_are_acyclic_inside() -> None:
    graph = {}
    for module in MODULES:
        known = {name if name in MODULES else f"{name}.__init__" for name in ours(module)}
        graph[module] = {name for name in known if name != module}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle
