"""Sums as go.sum has them: those of `tests.support.modules` were compared with the go command's."""

from __future__ import annotations

import hashlib

import pytest

from mxart.formats.go import sums
from tests.support.modules import Module, hash1

FILES = {"b": b"2", "a": b"1", "a/c": b"", "a-c": b"3", "Z": b"4", "ä": b"5", "\U0001f600": b"6", "\uffff": b"7"}


@pytest.mark.parametrize("names", [[], ["a"], ["b", "a"], list(FILES), sorted(FILES)])
def test_names_are_sorted_by_their_bytes(names: list[str]) -> None:
    digests = [(name, hashlib.sha256(FILES[name]).hexdigest()) for name in names]
    assert sums.hash1(digests) == hash1({name: FILES[name] for name in names})


def test_an_entry_that_is_there_twice_counts_twice() -> None:
    directory = ("d/", hashlib.sha256(b"").hexdigest())
    assert sums.hash1([directory]) != sums.hash1([directory, directory])


def test_the_lines_of_go_sum() -> None:
    module = Module("example.com/Hello", "v1.0.0", {"a.go": "package a\n"})
    prefix = f"{module.path}@{module.version}/"
    digests = [(prefix + name, hashlib.sha256(data).hexdigest()) for name, data in module.content.items()]
    found = sums.version_sums(digests, hashlib.sha256(module.gomod).hexdigest())
    assert found.lines(module.path, module.version) == (
        f"example.com/Hello v1.0.0 {module.zip_hash}\nexample.com/Hello v1.0.0/go.mod {module.gomod_hash}\n"
    )
