"""The conformance suites of the OCI distribution specification, all their workflows, against a hosted repository.

install-conformance.sh builds them: the suite as it was when 1.1 was a release candidate, and the one that was written
anew since, which knows the rules of 1.1 and those that come after it ("dev").
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.server import Server

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

REPOSITORY = """
[[repository]]
name = "house"
format = "docker"
kind = "hosted"
"""
PROGRAMS = Path(os.environ.get("MXART_CLIENT_CACHE") or Path(__file__).parent / ".cache") / "bin"

FIRST = "[It] OCI Distribution Conformance Tests "
OTHER_CASE = {  # each has a counterpart for the case at hand, which ran
    FIRST + "Pull Setup Get tag name from environment",
    FIRST + "Push Cross-Repository Blob Mount Cross-mounting of nonexistent blob should yield session id",
    FIRST + "Push Cross-Repository Blob Mount Cross-mounting without from, and automatic content discovery disabled"
    " should return a 202",
    FIRST + "Content Discovery Setup Populate registry with test tags (no push)",
}
SINCE_1_1 = {  # the suite asks this of "dev" only
    f"OCI Conformance Test/{algorithm} blobs/post cancel/blob-post-cancel" for algorithm in ("sha256", "sha512")
}


@dataclass(frozen=True, slots=True)
class Run:
    """One way to run a suite, and what it is to say: at least ``passed`` tests, and exactly those ``not_run``."""

    program: str
    environment: dict[str, str]
    passed: int
    not_run: set[str]


def first(manifests_before_blobs: bool) -> Run:
    """All four workflows of the first suite, which deletes what it made in the order given."""
    environment = {
        "OCI_ROOT_URL": "{url}",
        "OCI_NAMESPACE": "house/conformance",
        "OCI_CROSSMOUNT_NAMESPACE": "house/other",
        "OCI_AUTOMATIC_CROSSMOUNT": "1",
        "OCI_TEST_PULL": "1",
        "OCI_TEST_PUSH": "1",
        "OCI_TEST_CONTENT_DISCOVERY": "1",
        "OCI_TEST_CONTENT_MANAGEMENT": "1",
        "OCI_HIDE_SKIPPED_WORKFLOWS": "0",
        "OCI_DELETE_MANIFEST_BEFORE_BLOBS": str(int(manifests_before_blobs)),
        "OCI_REPORT_DIR": "{folder}",
    }
    return Run("oci-conformance-20231101", environment, 76, OTHER_CASE)


def rewritten(version: str, passed: int, not_run: set[str]) -> Run:
    """Everything that the suite asks of a registry of that version of the specification."""
    environment = {
        "OCI_VERSION": version,
        "OCI_REGISTRY": "{host}",
        "OCI_TLS": "disabled",
        "OCI_REPO1": "house/conformance",
        "OCI_REPO2": "house/other",
        "OCI_RESULTS_DIR": "{folder}",
    }
    return Run("oci-conformance-20260831", environment, passed, not_run)


RUNS = {
    "first suite": first(manifests_before_blobs=True),
    "first suite, blobs deleted before their manifests": first(manifests_before_blobs=False),
    "1.1": rewritten("1.1", 693, SINCE_1_1),
    "dev": rewritten("dev", 793, set()),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", REPOSITORY) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test of a suite, as junit.xml has it."""

    status: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.status}: {self.name}\n    " + self.reason.strip()[:1000].replace("\n", "\n    ")


def outcomes(report: Path) -> list[Outcome]:
    return [
        Outcome(case.get("status", ""), case.get("name", ""), _reason(case))
        for case in ElementTree.parse(report).iter("testcase")
    ]


def _reason(case: ElementTree.Element) -> str:
    """The first suite has it in an element named after the status, the other one in what was printed."""
    told = [said.get("message", "") for tag in ("failure", "error", "skipped") for said in case.findall(tag)]
    return "\n".join(told) or case.findtext("system-out", "")


def run_suite(program: str, run: Run, server: Server, folder: Path) -> tuple[list[Outcome], int]:
    """Every test that the suite knows, and its exit code."""
    folder.mkdir()
    places = {"url": server.url, "host": server.url.removeprefix("http://"), "folder": str(folder)}
    environment = {name: value.format_map(places) for name, value in run.environment.items()}
    credentials = {"OCI_USERNAME": "admin", "OCI_PASSWORD": server.admin_password}
    done = subprocess.run(
        [program], cwd=folder, env=environment | credentials, capture_output=True, text=True, timeout=240, check=False
    )
    report = folder / "junit.xml"
    assert report.exists(), done.stdout + done.stderr
    return outcomes(report), done.returncode


@pytest.mark.parametrize("name", RUNS)
def test_conformance(name: str, client: Callable[[str], str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run = RUNS[name]
    program = client(str(PROGRAMS / run.program))
    server: Server = request.getfixturevalue("server")  # started only if there is a suite to run against it
    tests, code = run_suite(program, run, server, tmp_path / "report")
    failed = [test for test in tests if test.status not in ("passed", "skipped")]
    assert not failed, f"{len(failed)} of {len(tests)} failed\n" + "\n".join(map(str, failed))
    skipped = [test for test in tests if test.status == "skipped"]
    assert {test.name for test in skipped} == run.not_run, "\n".join(map(str, skipped))
    assert len(tests) - len(skipped) >= run.passed
    assert code == 0
