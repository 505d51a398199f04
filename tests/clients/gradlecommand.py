"""Debian's gradle command in a home of its own, and the projects that it builds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.clients.engines import Tool
from tests.clients.mavencommand import JVM, NOBODY, PROJECTS, Login

_OPTIONS = ("--no-daemon", "--quiet", "--console=plain")
_OPENED = "--add-opens java.base/java.net=ALL-UNNAMED"  # for init.gradle


class Gradle(Tool):
    """The gradle command in a home of its own, whose properties name a server."""

    def __init__(self, program: str, home: Path, url: str, login: Login = NOBODY) -> None:
        """``url``: of the server; ``login``: for what is published."""
        home.mkdir(parents=True)
        user, password = login
        (home / "gradle.properties").write_text(f"mxart={url}\nmxartUser={user}\nmxartPassword={password}\n")
        shutil.copy(PROJECTS / "gradle/init.gradle", home)
        options = f"{_OPENED} -Duser.home={home} {JVM}"
        super().__init__(program, {"HOME": str(home), "GRADLE_USER_HOME": str(home), "GRADLE_OPTS": options}, home)

    def attempt(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return super().attempt(*_OPTIONS, *arguments, stdin=stdin)

    def build(self, project: Path, *arguments: str) -> str:
        return self("--project-dir", str(project), *arguments)

    def copied(self, project: Path, wanted: str, *options: str) -> dict[str, Path]:
        """What ``wanted``, as GROUP:ARTIFACT:VERSION, and its dependencies are: file name → file."""
        target = project / "dependency"
        shutil.rmtree(target, ignore_errors=True)
        self.build(project, *options, f"-Pwanted={wanted}", "copy")
        return {file.name: file for file in target.iterdir()}


def gradle_project(name: str, folder: Path, *, greeting: str = "well met") -> Path:
    """A copy of one of the projects; ``greeting``: the content of its words.properties."""
    shutil.copytree(PROJECTS / "gradle" / name, folder)
    for words in folder.rglob("words.properties"):
        words.write_text(f"greeting={greeting}\n")
    return folder
