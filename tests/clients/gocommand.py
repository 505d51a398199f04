"""The stock go command, in a home of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


class Go:
    """The go command in a home of its own, using one module proxy and nothing else."""

    def __init__(self, program: str, folder: Path, proxy: str, sumdb: str = "off") -> None:
        """``proxy``: what GOPROXY is to say; ``sumdb``: GOSUMDB."""
        self._program = program
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        self._modules = folder / "modules"
        self.environment = {
            "PATH": str(Path(program).parent) + ":/usr/bin:/bin",
            "HOME": str(folder),
            "GOCACHE": _build_cache(program, folder),
            "GOMODCACHE": str(self._modules),
            "GOPATH": str(folder / "gopath"),
            "GOPROXY": proxy,
            "GOSUMDB": sumdb,
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-modcacherw",
            "GOENV": "off",
            "GIT_ALLOW_PROTOCOL": "none",
        }

    def __call__(self, *arguments: str) -> str:
        """What the command prints. Fails the test when it fails."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"go {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self._program, *arguments]
        return subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=240, check=False
        )

    def start_program(self, program: str) -> None:
        """A new module with that program."""
        (self.project / "main.go").write_text(program)
        self("mod", "init", "example.org/program")

    def forget_modules(self) -> None:
        """As on a new machine: no module, and nothing known of the checksum database."""
        shutil.rmtree(self._modules)
        shutil.rmtree(Path(self.environment["GOPATH"]), ignore_errors=True)


def _build_cache(program: str, folder: Path) -> str:
    """The machine's own, so that the standard library is compiled once; it has nothing of modules."""
    found = subprocess.run([program, "env", "GOCACHE"], capture_output=True, text=True, check=False).stdout.strip()
    return found or str(folder / "build")
