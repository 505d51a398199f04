from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from mxart.cli import worktree
from tests.support.git import FIRST_COMMIT, GitRepository

FILES = {"go.mod": "module example.com/m\n", "LICENSE": "MIT\n", "sub/a.go": "package sub\n", ".gitignore": "*.log\n"}


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "repository")
    repository.commit(FILES, "v1.0.0", "v1.0.0-rc.1")
    return repository


def tree(folder: Path) -> worktree.WorkTree:
    found = worktree.find(folder)
    assert found is not None
    return found


def test_a_folder_without_git(tmp_path: Path) -> None:
    assert worktree.find(tmp_path) is None


def test_what_is_tracked(repository: GitRepository) -> None:
    (repository.folder / "notes\n.txt").touch()
    (repository.folder / "secret").mkdir()
    (repository.folder / "secret/key").touch()
    (repository.folder / "sub/x.log").touch()
    top = tree(repository.folder)
    assert sorted(top.tracked()) == sorted(FILES)
    assert sorted(top.untracked()) == ["notes\n.txt", "secret/"]
    assert top.ignored() == ["sub/x.log"]
    assert (top.below, top.license()) == ("", None)


def test_a_folder_below(repository: GitRepository) -> None:
    below = tree(repository.folder / "sub")
    assert below.tracked() == ["a.go"]
    assert below.below == "sub"
    assert below.license() == repository.folder / "LICENSE"
    repository.git("rm", "-q", "LICENSE")
    assert below.license() is None


def test_reached_through_a_link(repository: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.folder / "sub")
    assert tree(tmp_path / "link").below == "sub"


def test_the_commit(repository: GitRepository) -> None:
    top = tree(repository.folder)
    assert sorted(top.tags()) == ["v1.0.0", "v1.0.0-rc.1"]
    assert top.commit_time() == FIRST_COMMIT
    repository.commit({"b.go": "package m\n"})
    assert top.tags() == []
    assert top.commit_time() == FIRST_COMMIT + 60


@pytest.mark.parametrize(
    ("changed", "at_top", "below"),
    [("go.mod", True, False), ("LICENSE", True, True), ("sub/a.go", True, True), ("untracked", False, False)],
)
def test_what_has_been_changed(repository: GitRepository, changed: str, at_top: bool, below: bool) -> None:
    assert not tree(repository.folder).is_dirty()
    (repository.folder / changed).write_text("changed\n")
    assert tree(repository.folder).is_dirty() == at_top
    assert tree(repository.folder / "sub").is_dirty() == below


def test_what_was_added_or_removed_is_a_change(repository: GitRepository) -> None:
    (repository.folder / "b.go").touch()
    repository.git("add", "b.go")
    assert tree(repository.folder).is_dirty()
    repository.git("reset", "-q")
    assert not tree(repository.folder).is_dirty()
    (repository.folder / "go.mod").unlink()
    assert tree(repository.folder).is_dirty()


def test_a_hook_of_another_repository(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitRepository(tmp_path / "other")
    other.commit({"other.go": "package other\n"})
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git/index"))
    assert "go.mod" in tree(repository.folder).tracked()


def test_without_git_nothing_is_guessed(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(click.ClickException, match="git is not installed"):
        worktree.find(repository.folder / "sub")


def test_what_git_says_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(click.ClickException, match=r"git rev-parse fails in .*: fatal: not a git repository"):
        worktree.find(tmp_path)


def test_names_that_are_no_text(repository: GitRepository) -> None:
    name = os.fsdecode(b"\xff.go")
    repository.commit({name: "package m\n"})
    assert name in tree(repository.folder).tracked()
