from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mxart.cli import main
from mxart.registration import Proposal
from mxart.settings import Settings
from tests.support.formats import CinderFactory

GOOD = "[server]\nworkers = 1\n"


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Settings]]:
    """What the server was handed to read its configuration with; serving itself ends at once, with 7."""
    handed: list[Callable[[], Settings]] = []

    def serve(load: Callable[[], Settings]) -> int:
        load()
        handed.append(load)
        return 7

    monkeypatch.setattr("mxart.assembly.serve", serve)
    monkeypatch.setattr("mxart.formats.FORMATS", {"cinder": CinderFactory()})
    monkeypatch.chdir(tmp_path)
    return handed


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workers", "3", "--listen", "127.0.0.1:0", "--listen", "unix:x"],
        ["serve", "--workers", "3", "--listen", "127.0.0.1:0", "--listen", "unix:x"],
        ["--workers", "3", "serve", "--listen", "127.0.0.1:0", "--listen", "unix:x"],
    ],
)
def test_with_and_without_its_name(loads: list[Callable[[], Settings]], arguments: list[str]) -> None:
    Path("mxart.toml").write_text(GOOD)
    assert CliRunner().invoke(main, arguments).exit_code == 7
    settings = loads[0]()
    assert settings.server.workers == 3
    assert settings.server.listen == ("127.0.0.1:0", f"unix:{Path.cwd()}/x")


def test_each_load_reads_the_same_file_again(
    loads: list[Callable[[], Settings]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mxart.toml").write_text(GOOD)
    CliRunner().invoke(main, ["--listen", "127.0.0.1:0"])
    Path("mxart.toml").write_text("[server]\nworkers = 2\nlisten = ['[::1]:0']\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert loads[0]().server.workers == 2
    assert loads[0]().server.listen == ("127.0.0.1:0",)


def test_a_bad_file_starts_nothing(loads: list[Callable[[], Settings]]) -> None:
    Path("mxart.toml").write_text("[server]\nworkers = -1\n")
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 2
    assert "[server] workers = -1" in result.stderr
    assert loads == []


def test_without_a_file_it_serves_what_it_finds_and_says_so(
    loads: list[Callable[[], Settings]], monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = Proposal(name="c", format="cinder", upstream="https://c.example.org", origin="cinder env")
    here = replace(proposal, name="d", upstream="http://127.0.0.1:9/d")
    monkeypatch.setattr("mxart.formats.FORMATS", {"cinder": CinderFactory(proposals=[proposal, here])})
    result = CliRunner().invoke(main, ["--listen", "127.0.0.1:9"])
    assert "mxart: repository c caches https://c.example.org (from cinder env)" in result.stderr
    assert "http://127.0.0.1:9/d is this server itself" in result.stderr
    assert "mxart: repository cinder-internal holds what is published" in result.stderr
    assert (
        "mxart: repository cinder offers cinder-internal and c; what is published to it goes to cinder-internal"
        in result.stderr
    )
    assert "./data/admin-password" in result.stderr
    assert [repository.name for repository in loads[0]().repositories] == ["cinder", "cinder-internal", "c"]


def test_without_a_file_or_a_find_it_says_what_to_do(loads: list[Callable[[], Settings]]) -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 7
    assert "no configuration file" in result.stderr
    assert "no client's upstream was found" in result.stderr
    assert "mxart init" in result.stderr
    assert [repository.name for repository in loads[0]().repositories] == ["cinder", "cinder-internal"]
