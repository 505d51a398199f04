from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

import mxart
from mxart.cli import main


def test_the_version_is_one_line() -> None:
    result = subprocess.run([sys.executable, "-m", "mxart", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"mxart {mxart.__version__}\n"


def test_the_commands_are_listed_without_importing_them() -> None:
    script = (
        "import sys; from mxart.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name.startswith(('mxart.cli.', 'tornado', 'mxart.server'))))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for name in ("serve", "init", "check", "fsck", "gc", "trash", "why", "repo", "import", "stats"):
        assert f"\n  {name} " in result.stdout
    assert result.stdout.splitlines()[-1] == "['mxart.cli.options']"


@pytest.mark.parametrize("command", ["serve", "init", "check", "fsck", "gc", "trash", "why", "repo", "import", "stats"])
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {command} ")


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["--frobnicate"], ["--workers", "-1"], ["--workers", "x"], ["check", "x"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
