from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mxart.cli.discover import discover, leads_here, run
from mxart.config import Overrides
from mxart.registration import Proposal
from tests.support.formats import CinderFactory

PROPOSAL = Proposal(name="c", format="cinder", upstream="https://c.example.org", origin="cinder env UPSTREAM")
HERE = replace(PROPOSAL, upstream="http://localhost:8080/c")


def test_a_proposal_that_works_is_taken_over() -> None:
    found = discover({"cinder": CinderFactory(proposals=[PROPOSAL])}, {})
    assert found.proposals == (PROPOSAL,)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("proposal", "words"),
    [
        (HERE, "http://localhost:8080/c is this server itself"),
        (replace(PROPOSAL, upstream="https://me:hunter2@c.example.org"), "without credentials"),
        (replace(PROPOSAL, upstream="direct"), "want a URL"),
        (replace(PROPOSAL, options={"flame": "blue"}), "another flame"),
        (replace(PROPOSAL, options={"heat": "1"}), "unknown key"),
    ],
)
def test_one_that_would_not_work_is_left_out_and_the_reason_said(proposal: Proposal, words: str) -> None:
    found = discover({"cinder": CinderFactory(proposals=[proposal])}, {})
    assert found.proposals == ()
    (note,) = found.notes
    assert note.startswith("passed over from cinder env UPSTREAM: ")
    assert words in note
    assert "hunter2" not in note


def test_of_several_choices_the_first_that_works_is_taken() -> None:
    third = replace(PROPOSAL, upstream="https://other.example.org", origin="elsewhere")
    found = discover({"cinder": CinderFactory(proposals=[HERE, PROPOSAL, third])}, {})
    assert found.proposals == (PROPOSAL,)
    assert len(found.notes) == 1


def test_a_choice_whose_need_is_denied_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("mxart.cli.discover.is_absent", lambda url, environ: not asked.append(url) and "no" in url)
    choices = [replace(PROPOSAL, needs=f"https://c.example.org/{word}") for word in ("no", "yes", "never")]
    found = discover({"cinder": CinderFactory(proposals=choices)}, {})
    assert found.proposals == (choices[1],)
    assert found.notes == ()
    assert asked == ["https://c.example.org/no", "https://c.example.org/yes"]


def test_what_is_wrong_with_several_choices_alike_is_said_once() -> None:
    choices = [HERE, replace(HERE, needs="https://c.example.org/x"), PROPOSAL]
    found = discover({"cinder": CinderFactory(proposals=choices)}, {})
    assert found.proposals == (PROPOSAL,)
    assert len(found.notes) == 1


def test_two_formats_do_not_take_one_name() -> None:
    second = replace(PROPOSAL, format="ash", origin="ash env")
    formats = {"cinder": CinderFactory(proposals=[PROPOSAL]), "ash": CinderFactory("ash", proposals=[second])}
    found = discover(formats, {})
    assert found.proposals == (PROPOSAL,)
    (note,) = found.notes
    assert "this name is taken" in note


def test_the_addresses_of_the_command_line_count() -> None:
    formats = {"cinder": CinderFactory(proposals=[HERE])}
    assert discover(formats, {}, Overrides(listen=("127.0.0.1:9090", "unix:8080", "nonsense"))).proposals == (HERE,)
    assert discover(formats, {}, Overrides(listen=("0.0.0.0:9090", "[::]:8080"))).proposals == ()


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.0.0.2:8080/go", True),
        ("http://[::1]:8080/go", True),
        ("http://0.0.0.0:8080/go", True),
        ("http://LOCALHOST:8080/go", True),
        ("http://go.localhost:8080", True),
        (f"http://{socket.gethostname()}:8080/", True),
        ("https://localhost:443/", True),
        ("https://localhost/", True),
        ("http://localhost/", False),
        ("http://localhost:8081/go", False),
        ("http://192.0.2.1:8080/go", False),
        ("http://[2001:db8::1]:8080/go", False),
        ("https://go.example.org:8080", False),
    ],
)
def test_leads_here(url: str, here: bool) -> None:
    assert leads_here(url, ["127.0.0.1:8080", "[::1]:443", "unix:/run/mxart.sock"]) is here


def test_a_command_says_what_it_prints_and_sees_the_environment_given() -> None:
    script = "import os, sys; print(os.environ['CINDER'], os.getcwd()); print('noise', file=sys.stderr)"
    assert run([sys.executable, "-c", script], {**os.environ, "CINDER": "hot"}) == "hot /\n"


@pytest.mark.parametrize(
    "command",
    [
        ["/nowhere/cinder"],
        [sys.executable, "-c", "print('x'); raise SystemExit(3)"],
        [str(Path(__file__))],  # may not be executed
    ],
)
def test_a_command_that_fails_says_nothing(command: list[str]) -> None:
    assert run(command, os.environ) == ""


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxart.cli.discover._TIME_LIMIT", 0.3)
    begin = time.monotonic()
    assert run([sys.executable, "-c", "import time; print('x', flush=True); time.sleep(60)"], os.environ) == ""
    assert time.monotonic() - begin < 10


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    run([f"true; touch {tmp_path}/made"], os.environ)
    assert list(tmp_path.iterdir()) == []
