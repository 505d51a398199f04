from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mxart.cli import main
from mxart.formats import docker
from tests.support.formats import CinderFactory

GOOD = """
[[listener]]
name = "second"
listen = ["127.0.0.1:0"]
[[repository]]
name = "c"
format = "cinder"
kind = "proxy"
upstream = "https://c.example.org"
hosts = [ { listener = "second", host = "*" } ]
[[repository]]
name = "all"
format = "cinder"
kind = "group"
members = ["own", "c", "source"]
[[repository]]
name = "own"
format = "cinder"
kind = "hosted"
base_url = ""
[[repository]]
name = "source"
format = "cinder"
kind = "proxy"
upstream = "vcs"
"""
BAD = "[server]\nworkers = -1\n[acces]\n"


@pytest.fixture(autouse=True)
def cinder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only registered format, and an empty working directory."""
    monkeypatch.setattr("mxart.formats.FORMATS", {"cinder": CinderFactory()})
    monkeypatch.chdir(tmp_path)


def check(text: str, *arguments: str) -> Result:
    Path("it.toml").write_text(text)
    return CliRunner().invoke(main, ["check", "--config", "it.toml", *arguments])


def test_a_good_one_is_summed_up() -> None:
    result = check(GOOD)
    assert result.exit_code == 0
    file = Path.cwd() / "it.toml"
    assert result.stdout.splitlines() == [
        f"{file}: configuration is fine",
        "  listener main: 127.0.0.1:8080",
        "  listener second: 127.0.0.1:0",
        f"  store default: {file.parent}/data",
        "  repository c: cinder proxy of https://c.example.org, at /c and * on listener second",
        "  repository all: cinder group of own and c and source, at /all",
        "  repository own: cinder hosted, in groups only",
        "  repository source: cinder proxy of vcs, at /source",
    ]


def test_a_bad_one_has_every_problem_listed() -> None:
    result = check(BAD)
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second, last = result.stderr.splitlines()
    assert "[server] workers = -1" in first
    assert 'acces: unknown key; did you mean "access"?' in second
    assert last == "mxart: 2 problems in the configuration"


def test_for_scripts_there_is_json() -> None:
    good = json.loads(check(GOOD, "--json").stdout)
    assert good == {
        "ok": True,
        "source": str(Path.cwd() / "it.toml"),
        "repositories": ["c", "all", "own", "source"],
        "problems": [],
    }
    result = check(BAD, "--json")
    assert result.exit_code == 2
    bad = json.loads(result.stdout)
    assert bad["ok"] is False
    assert [(p["table"], p["key"], p["value"]) for p in bad["problems"]] == [
        ("[server]", "workers", "-1"),
        ("", "acces", ""),
    ]


def test_without_a_file_the_quick_start_is_checked() -> None:
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0
    assert result.stdout.startswith("built-in quick start: configuration is fine")
    assert "  repository cinder-internal: cinder hosted, at /cinder-internal\n" in result.stdout
    assert "  repository cinder: cinder group of cinder-internal, at /cinder\n" in result.stdout


def test_images_are_said_to_be_where_their_clients_look_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxart.formats.FORMATS", {"docker": docker.FORMAT})
    result = check('[[repository]]\nname = "images"\nformat = "docker"\nkind = "hosted"\n')
    assert "  repository images: docker hosted, at /v2/images\n" in result.stdout


def test_a_file_without_a_repository_is_summed_up() -> None:
    assert "no repository: nothing but the server's own pages" in check("").stdout


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--config", "it.toml", "check"], {}),
        (["--config", "other.toml", "check", "--config", "it.toml"], {}),
        (["check"], {"MXART_CONFIG": "it.toml"}),
    ],
)
def test_the_file_is_named_in_several_ways(arguments: list[str], environ: dict[str, str]) -> None:
    Path("it.toml").write_text(GOOD)
    result = CliRunner().invoke(main, arguments, env=environ)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{Path.cwd()}/it.toml: ")


def test_a_file_that_was_named_must_be_there() -> None:
    result = CliRunner().invoke(main, ["check"], env={"MXART_CONFIG": "none.toml"})
    assert result.exit_code == 2
    assert "none.toml: cannot be read: No such file" in result.stderr


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = CliRunner().invoke(main, ["check"])
    monkeypatch.chdir(tmp_path)
    assert result.exit_code == 1
    assert "the working directory is gone" in result.stderr
