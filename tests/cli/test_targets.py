from __future__ import annotations

from pathlib import Path

import click
import pytest

from mxart.cli.targets import configured, target

CONFIG = """
[server]
public_url = "https://art.example.org/x"
[[repository]]
name = "releases"
format = "go"
kind = "hosted"
[[repository]]
name = "all"
format = "go"
kind = "group"
members = ["releases", "public"]
publish_to = "releases"
[[repository]]
name = "public"
format = "go"
kind = "proxy"
upstream = "https://go.example.org"
[[repository]]
name = "images"
format = "docker"
kind = "hosted"
"""


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("mxart.toml").write_text(CONFIG)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("releases", "https://art.example.org/x/releases"),
        ("all", "https://art.example.org/x/all"),
        ("http://127.0.0.1:1/go/", "http://127.0.0.1:1/go"),
    ],
)
def test_names_and_urls(text: str, url: str) -> None:
    assert target(text, "go", None).geturl() == url


@pytest.mark.parametrize("text", ["public", "images", "missing", "localhost"])
def test_names_of_nothing_that_takes_it(text: str) -> None:
    with pytest.raises(click.BadParameter, match="takes what is published for go; these do: all, releases"):
        target(text, "go", None)


def test_a_name_without_a_configuration() -> None:
    Path("mxart.toml").unlink()
    with pytest.raises(click.BadParameter, match="no configuration says where releases is: give its base URL"):
        target("releases", "go", None)
    assert configured("go", None) == []


def test_a_repository_behind_a_group_counts_as_that() -> None:
    assert configured("go", None) == ["https://art.example.org/x/all"]
    assert configured("docker", None) == ["https://art.example.org/x/v2/images"]
    assert configured("maven", None) == []


@pytest.mark.parametrize("text", ["", "Releases", "a b", "ftp://127.0.0.1/x", "art.example.org/go", "../x"])
def test_neither(text: str) -> None:
    with pytest.raises(click.BadParameter, match="want the http or https URL"):
        target(text, "go", None)
