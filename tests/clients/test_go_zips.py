"""The stock go command's verdicts on the same module zips as ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.formats.go.test_modzip import BAD, GOOD
from tests.formats.go.zips import MODULE, VERSION
from tests.support.modules import Module, build_tree

pytestmark = pytest.mark.client


def verdict(go: str, tree: Path, home: Path) -> str:
    """What the go command says against the zip; "" when it unpacks it."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GOPATH": str(home / "go"),
        "GOFLAGS": "-modcacherw",
        "GOENV": "off",
        "GOTOOLCHAIN": "local",
        "GOPROXY": tree.as_uri(),
        "GOSUMDB": "off",
    }
    command = [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, check=False)
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return str(answer.get("Error", ""))


@pytest.mark.parametrize(
    ("data", "accepted"),
    [*((data, True) for data in GOOD.values()), *((data, False) for data in BAD.values())],
    ids=[*GOOD, *BAD],
)
def test_the_go_command_agrees(client: Callable[[str], str], tmp_path: Path, data: bytes, accepted: bool) -> None:
    build_tree(tmp_path / "tree", [Module(MODULE, VERSION)])
    (tmp_path / "tree" / MODULE / "@v" / f"{VERSION}.zip").write_bytes(data)
    error = verdict(client("go"), tmp_path / "tree", tmp_path)
    assert (error == "") is accepted, error
