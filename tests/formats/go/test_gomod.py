"""Which module a go.mod says that it is: as the go command reads the same files."""

from __future__ import annotations

import contextlib
import time

import pytest

from mxart.errors import Corrupt
from mxart.formats.go.gomod import language_version, module_path

READ = {
    b"module example.com/m\n": "example.com/m",
    b"module example.com/m": "example.com/m",
    b"\t module\texample.com/m \t\r\n\r\ngo 1.21\r\n": "example.com/m",
    b"// module example.com/other\n\n// Deprecated: use v2\nmodule example.com/m // because\n": "example.com/m",
    b"module example.com/m//x\n": "example.com/m",
    b'module "example.com/m"\n': "example.com/m",
    b'module "example.com/m//x" // y\n': "example.com/m//x",
    b"module (\n\texample.com/m\n)\n": "example.com/m",
    b"module(\n\n// why\n\texample.com/m // here\n) // so\n": "example.com/m",
    b"go 1.21\n\nrequire (\n\tmodule v1.0.0\n\texample.com/x v1.0.0\n)\n\nmodule example.com/m\n": "example.com/m",
    b"retract [v1.0.0, v1.1.0] // broken (\nmodule example.com/m\n": "example.com/m",
    b"module ()\nmodule example.com/m\n": "example.com/m",
    b"modules x\nmodule example.com/m\n": "example.com/m",
    b'module"example.com/x"\nmodule example.com/m\n': "example.com/m",  # one word, and an unknown one
    b"module example.com/m\nfuture (\n\tmodule x\n)\n": "example.com/m",
    b"future word (\n\tmodule x\n)\nmodule example.com/m\n": "example.com/m",
    b"module example.com/m\n// caf\xe9\n": "example.com/m",
    b"module example.com/other\n": "example.com/other",
}

UNREADABLE = [
    b"",
    b"\n",
    b"go 1.21\n",
    b"// module example.com/m\n",
    b"module\n",
    b"module ()\n",
    b"module (\n)\n",
    b"module example.com/m v1.0.0\n",
    b"module (\n\texample.com/m v1.0.0\n)\n",
    b"module example.com/m\nmodule example.com/m\n",
    b"module (\n\texample.com/m\n\texample.com/n\n)\n",
    b"module (\n\texample.com/m\n",
    b"require (\nmodule example.com/m\n",
    b"module `example.com/m`\n",
    b"module 'example.com/m'\n",
    b'module exa"mple.com/m\n',
    b'module "example.com/m\n',
    b"module `example.com/m\n",
    b"module /* x */ example.com/m\n",
    b"module example.com/m /* x */\n",
    b"require ( module example.com/m\n",
    b"module (example.com/m)\n",
]


@pytest.mark.parametrize(("data", "path"), READ.items(), ids=map(repr, READ))
def test_the_module_directive(data: bytes, path: str) -> None:
    assert module_path(data) == path


@pytest.mark.parametrize("data", UNREADABLE, ids=repr)
def test_what_the_go_command_could_not_use(data: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        module_path(data)
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("filler", [b"\n", b"a\n", b"// (\n", b"(\n", b" " * 80, b'"\n', b"module\n", b"(", b"/"])
def test_long_files_are_read_in_a_time_that_grows_with_their_length(filler: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(Corrupt):
        module_path(filler * (2_000_000 // len(filler)) + b"\nmodule example.com/m\n")
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("line", [b'module "%s"', b"module %s", b"module `%s`", b"module %s b", b"future ( %s"])
def test_lines_of_a_length_that_nobody_writes_are_not_taken_apart(line: bytes) -> None:
    with pytest.raises(Corrupt, match="a line of more than 65536 characters"):
        module_path(line % (b"a" * 65536))


VERSIONS: list[tuple[bytes, tuple[int, int] | None]] = [
    (b"go 1.24\n", (1, 24)),
    (b"module m\n\tgo 1.24.1 // a comment\n", (1, 24)),
    (b"go 1.24rc1\r\n", (1, 24)),
    (b"go 1.24\ngo 1.20\n", (1, 24)),
    (b"go v1.23-x", (1, 23)),
    (b"go v1.23", None),
    (b"go 1", None),
    (b"go 01.24", None),
    (b"go 1.024", None),
    (b"// go 1.24", None),
    (b"gopher 1.24", None),
    (b"toolchain go1.24", None),
    (b"go\n1.24", None),
    (b"", None),
    (b"\xff\xfe", None),
]


@pytest.mark.parametrize(("data", "version"), VERSIONS)
def test_the_language_version(data: bytes, version: tuple[int, int] | None) -> None:
    assert language_version(data) == version
