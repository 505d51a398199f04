"""What follows from a zip that is to be published, and the rules beyond those of module zips."""

from __future__ import annotations

import io

import pytest

from mxart.errors import Corrupt
from mxart.formats.go import contents
from mxart.formats.go.sums import Sums
from tests.formats.go.zips import MODULE, PREFIX, VERSION, Member
from tests.formats.go.zips import archive as make
from tests.support.modules import Module, hash1, module_zip

GOMOD = f"module {MODULE}\n\ngo 1.21\n".encode()


def inspect(data: bytes, module: str = MODULE, version: str = VERSION, forks: bool = False) -> contents.Contents:
    return contents.inspect(io.BytesIO(data), module, version, allow_forks=forks)


def test_the_gomod_and_the_sum() -> None:
    module = Module(MODULE, VERSION, {"m.go": "package m\n" * 100_000, "go.mod": GOMOD, "d/Ü.go": b""})
    assert inspect(module.zip) == contents.Contents(GOMOD, Sums(module.zip_hash, module.gomod_hash))


def test_a_zip_without_one_has_a_synthetic_gomod() -> None:
    found = inspect(module_zip(MODULE, VERSION, {"m.go": b"package m\n"}))
    assert found.gomod == f"module {MODULE}\n".encode()


def test_directories_count_in_the_sum() -> None:
    data = make([Member(name=PREFIX + "d/", data=b"", method=0), Member(name=PREFIX + "d/a.go", data=b"x")])
    assert inspect(data).sums.zip == hash1({PREFIX + "d/": b"", PREFIX + "d/a.go": b"x"})


def test_incompatible_versions_have_no_gomod() -> None:
    version = "v2.0.0+incompatible"
    assert inspect(module_zip(MODULE, version, {"m.go": b"x"}), version=version).gomod == f"module {MODULE}\n".encode()
    with pytest.raises(Corrupt, match="has no version"):
        inspect(module_zip(MODULE, version, {"go.mod": GOMOD}), version=version)


FORK = module_zip(MODULE, VERSION, {"go.mod": b"module example.com/original\n"})


def test_forks_must_be_allowed() -> None:
    with pytest.raises(Corrupt, match=r"says that it is example\.com/original, not example\.com/m(?s:.*)allow_forks"):
        inspect(FORK)
    assert inspect(FORK, forks=True).gomod == b"module example.com/original\n"


@pytest.mark.parametrize(
    "gomod",
    [b"", b"go 1.21\n", b"<html>\nmodule example.com/m\n", b"module example.com/m\0", b"module example.com/m\n" * 2],
    ids=repr,
)
@pytest.mark.parametrize("forks", [False, True])
def test_a_gomod_must_be_one(gomod: bytes, forks: bool) -> None:
    with pytest.raises(Corrupt, match=r"go\.mod"):
        inspect(module_zip(MODULE, VERSION, {"go.mod": gomod}), forks=forks)
