"""The registry: every folder is in it, under its own name."""

from __future__ import annotations

from pathlib import Path

import mxart.formats
from mxart.formats import FORMATS


def test_every_folder_is_registered() -> None:
    folders = {path.parent.name for path in Path(mxart.formats.__file__).parent.glob("*/__init__.py")}
    assert folders == set(FORMATS)


def test_names_and_kinds_are_those_of_the_configuration() -> None:
    for name, factory in FORMATS.items():
        assert factory.name == name
        assert factory.build(factory.settings()).name == name
        assert factory.kinds
        assert set(factory.kinds) <= {"proxy", "hosted", "group"}
