from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import toml
from click.testing import CliRunner, Result

from mxart.cli import main
from mxart.cli.init import render, toml_value
from mxart.config import load, quick_start, starters
from mxart.registration import Proposal
from tests.support.formats import CinderFactory

PROPOSAL = Proposal(
    name="c",
    format="cinder",
    upstream="https://c.example.org",
    origin="cinder env\nUPSTREAM",
    options={
        "sumdb": {"sum.example.org": "https://sum.example.org"},
        "flame": 'a "b" \\ # c',
        "depth": 3,
        "strict": True,
    },
)


@pytest.fixture
def proposals(monkeypatch: pytest.MonkeyPatch) -> list[Proposal]:
    """What the only registered format proposes: a list to fill."""
    found: list[Proposal] = []
    monkeypatch.setattr("mxart.formats.FORMATS", {"cinder": CinderFactory(proposals=found)})
    return found


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def test_what_is_written_is_a_configuration_with_the_proposals(tmp_path: Path, proposals: list[Proposal]) -> None:
    proposals += [PROPOSAL, replace(PROPOSAL, name="d", options={})]
    file = tmp_path / "mxart.toml"
    result = invoke("--output", str(file))
    assert result.exit_code == 0
    assert "repository c: https://c.example.org" in result.stderr
    settings = load(file, {"cinder": CinderFactory()}, {})
    group, hosted, c, d = settings.repositories
    assert [group.name, hosted.name, c.name, d.name] == ["cinder", "cinder-internal", "c", "d"]
    assert c.options.flame == 'a "b" \\ # c'
    assert c.options.sumdb == {"sum.example.org": "https://sum.example.org"}
    assert c.options.strict is True
    assert d.options.depth == 1
    assert (group.members, group.publish_to) == (("cinder-internal", "c", "d"), "cinder-internal")


def test_it_serves_what_the_quick_start_serves(proposals: list[Proposal], tmp_path: Path) -> None:
    proposals.append(PROPOSAL)
    formats = {"cinder": CinderFactory()}
    file = tmp_path / "mxart.toml"
    invoke("--output", str(file))
    assert load(file, formats, {}).repositories == quick_start(proposals, formats, {}).repositories


def test_without_proposals_it_is_a_configuration_all_the_same(tmp_path: Path, proposals: list[Proposal]) -> None:
    file = tmp_path / "mxart.toml"
    result = invoke("--output", str(file))
    assert result.exit_code == 0
    assert "no client's upstream was found" in result.stderr
    group, hosted = load(file, {"cinder": CinderFactory()}, {}).repositories
    assert (hosted.kind, group.kind, group.members) == ("hosted", "group", ("cinder-internal",))
    assert '# name = "go-public"' in file.read_text()


def test_what_stands_in_comments_works_when_it_is_no_comment_any_more() -> None:
    text = render(starters([], {"cinder": CinderFactory()}))
    assert '# exclusive = { "cinder-internal" = ' in text
    examples = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# ", "[")) and "=" in line]
    assert len(examples) > 10
    for line in examples:
        assert toml.loads(line)


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path: Path, proposals: list[Proposal]) -> None:
    file = tmp_path / "mxart.toml"
    file.write_text("mine")
    result = invoke("--output", str(file))
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    assert invoke("--output", str(file), "--force").exit_code == 0
    assert "[server]" in file.read_text()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, proposals: list[Proposal]) -> None:
    result = invoke("--output", str(tmp_path / "none" / "mxart.toml"))
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_a_dash_is_standard_output(proposals: list[Proposal]) -> None:
    proposals += [replace(PROPOSAL, upstream="direct"), PROPOSAL]
    result = invoke("--output", "-")
    assert result.exit_code == 0
    assert toml.loads(result.stdout)["repository"][2]["name"] == "c"
    assert "passed over from" in result.stderr


@pytest.mark.parametrize(
    "value",
    ["", 'a"b', "a\\b", "é", "a\tb", 5, True, ["a", "b"], {"a.b": "c", "d": "e"}, {}, {"a": ["b"]}, [{"a": "b"}]],
)
def test_values_are_read_back(value: object) -> None:
    assert toml.loads(f"key = {toml_value(value)}")["key"] == value
