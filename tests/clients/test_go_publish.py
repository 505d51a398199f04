"""What ``mxart go publish`` makes of a folder is what the stock go command makes of it: the same sums as from git
itself, and a build of what was published."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.clients.gocommand import Go
from tests.support.git import GitRepository
from tests.support.server import Server

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

ROOT = "git.corp.example/Team/hello.git"  # the go command takes what ends in .git for a repository without asking
FILES = {
    "LICENSE": "do as you like\n",
    "hello.go": 'package hello\n\nfunc Say() string { return "well met" }\n',
    "with space/é.txt": "é\n",
    "bin/run.sh": "#!/bin/sh\n",
    "not-exported.txt": "left out of archives\n",
    "dated.txt": "$Format:%H$\n",
    ".gitattributes": "not-exported.txt export-ignore\ndated.txt export-subst\n",
    ".gitignore": "*.log\n",
    ".hg_archival.txt": "repo: none\n",
    "vendor/modules.txt": "# none\n",
    "vendor/v.go": "package vendored\n",
    "vendor/example.com/x/x.go": "package x\n",
    "deep/vendor/d.go": "package d\n",
    "deep/vendor/example.com/y/y.go": "package y\n",
    "sub/go.mod": f"module {ROOT}/sub\n",
    "sub/s.go": "package sub\n",
    "own/go.mod": f"module {ROOT}/own\n",
    "own/LICENSE": "another one\n",
    "v2/go.mod": f"module {ROOT}/v2\n\ngo 1.24\n",
    "v2/two.go": "package hello\n",
}
TAGS = ("v1.2.3", "sub/v0.1.0", "own/v0.2.0-rc.1", "v2.0.1")
MODULES = [
    ("", ROOT, "v1.2.3"),
    ("sub", f"{ROOT}/sub", "v0.1.0"),
    ("own", f"{ROOT}/own", "v0.2.0-rc.1"),
    ("v2", f"{ROOT}/v2", "v2.0.1"),
]


@pytest.fixture(params=["1.21", "1.24"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> GitRepository:
    """With everything in it that the go command leaves out, by the rules of this version of Go."""
    repository = GitRepository(tmp_path / "repository")
    (repository.folder / "link.go").symlink_to("hello.go")
    (repository.folder / "sub/linked").parent.mkdir()
    (repository.folder / "sub/linked").symlink_to("../bin")
    repository.commit({**FILES, "go.mod": f"module {ROOT}\n\ngo {request.param}\n"}, *TAGS)
    (repository.folder / "secret.key").write_text("never to be seen\n")
    (repository.folder / "x.log").write_text("neither\n")
    return repository


def publish(*arguments: str) -> Mapping[str, object]:
    command = [sys.executable, "-m", "mxart", "go", "publish", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def test_the_sums_are_those_of_the_go_command(
    client: Callable[[str], str], tmp_path: Path, repository: GitRepository
) -> None:
    go = Go(client("go"), tmp_path / "home", "direct")
    go.environment |= {
        "GIT_ALLOW_PROTOCOL": "https:file",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository.folder}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://{ROOT.removesuffix('.git')}",
    }
    for folder, module, version in MODULES:
        theirs = json.loads(go("mod", "download", "-json", f"{module}@{version}"))
        ours = publish(str(repository.folder / folder), "--dry-run")
        assert (ours["module"], ours["version"]) == (module, version)
        assert ours["go_sum"] == [
            f"{module} {version} {theirs['Sum']}",
            f"{module} {version}/go.mod {theirs['GoModSum']}",
        ]
        assert json.loads(Path(theirs["Info"]).read_text())["Time"] == ours["time"]


HOSTED = '[[repository]]\nname = "go-internal"\nformat = "go"\nkind = "hosted"\n'
PROGRAM = f"""package main

import (
	"fmt"

	hello "{ROOT}"
)

func main() {{ fmt.Println(hello.Say()) }}
"""


def test_what_is_published_is_built(client: Callable[[str], str], tmp_path: Path, repository: GitRepository) -> None:
    with Server(tmp_path / "server", HOSTED) as server:
        base = server.url + "/go-internal"
        login = ("--password-file", str(server.data / "admin-password"))
        first = publish(str(repository.folder), "--to", base, *login)
        assert first["published"] is True
        assert publish(str(repository.folder), "--to", base, *login)["published"] is False

        go = Go(client("go"), tmp_path / "home", base)
        go.start_program(PROGRAM)
        go("get", ROOT)
        go("build", "-o", "program", ".")
        said = subprocess.run([go.project / "program"], capture_output=True, text=True, check=True).stdout
        assert said == "well met\n"
        assert first["go_sum"] == (go.project / "go.sum").read_text().splitlines()
        info = json.loads(go("list", "-m", "-json", f"{ROOT}@latest"))
        assert (info["Version"], info["Time"]) == ("v1.2.3", first["time"])

        (repository.folder / "hello.go").write_text("package hello\n")
        refused = server.run("go", "publish", str(repository.folder), "--version", "v1.2.3")
        assert refused.returncode == 1
        assert "answers 409: " in refused.stderr
