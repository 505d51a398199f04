from __future__ import annotations

import errno
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mxart.server import accesslog
from mxart.server.accesslog import Access, escape
from mxart.settings import ServerSettings

HIT = Access(
    peer="127.0.0.1",
    principal="",
    method="GET",
    target="/go/x",
    status=200,
    sent=1234,
    seconds=0.00081,
    cache_status="mxart; hit",
)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "tornado")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    accesslog.configure(ServerSettings(access_log=False))
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_a_line_of_text(capfd: pytest.CaptureFixture[str]) -> None:
    accesslog.configure(ServerSettings())
    accesslog.write(HIT)
    line = capfd.readouterr().err
    assert line.endswith(' info mxart.access 127.0.0.1 - GET /go/x 200 1234 0.8ms "mxart; hit"\n')
    assert line[:2] == "20"
    assert line.split()[0].endswith("Z")


def test_a_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    accesslog.configure(ServerSettings(log_format="json"))
    accesslog.write(replace(HIT, principal="ci"))
    entry = json.loads(capfd.readouterr().err)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "info",
        "logger": "mxart.access",
        "peer": "127.0.0.1",
        "principal": "ci",
        "method": "GET",
        "target": "/go/x",
        "status": 200,
        "sent": 1234,
        "ms": 0.8,
        "cache_status": "mxart; hit",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("forged", ["/a\nforged", "/a\r\nforged", "/a\x1b[2Jforged", "/a\u2028forged", "/\ud800forged"])
def test_a_client_cannot_forge_a_line(capfd: pytest.CaptureFixture[str], log_format: str, forged: str) -> None:
    accesslog.configure(ServerSettings(log_format=log_format))
    accesslog.write(replace(HIT, target=forged, principal=forged))
    logging.getLogger("mxart.server").warning("%s", forged)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() and "forged" in line for line in lines)


def test_an_exception_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    for log_format in ("text", "json"):
        accesslog.configure(ServerSettings(log_format=log_format))
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            logging.getLogger("mxart.server").exception("incident")
        assert "RuntimeError: broken" in capfd.readouterr().err


def test_levels(capfd: pytest.CaptureFixture[str]) -> None:
    accesslog.configure(ServerSettings(log_level="warning"))
    logging.getLogger("mxart.server").info("quiet")
    logging.getLogger("tornado.general").info("quiet")
    logging.getLogger("mxart.server").warning("loud")
    assert "quiet" not in (text := capfd.readouterr().err)
    assert "loud" in text


def test_what_strangers_do_to_tls_is_told_only_to_who_asks_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    accesslog.configure(ServerSettings())
    logging.getLogger("tornado.general").warning("SSL Error")
    assert capfd.readouterr().err == ""
    accesslog.configure(ServerSettings(log_level="debug"))
    logging.getLogger("tornado.general").warning("SSL Error")
    assert "SSL Error" in capfd.readouterr().err


class _Full(io.StringIO):
    """A log on a disk without room."""

    tried = False

    def write(self, text: str) -> int:
        self.tried = True
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_written_to_fails_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    accesslog.configure(ServerSettings())
    full = _Full()
    monkeypatch.setattr("sys.stderr", full)
    accesslog.write(HIT)
    assert full.tried


def test_requests_are_logged_only_when_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    accesslog.configure(ServerSettings(access_log=False))
    assert not accesslog.enabled()
    accesslog.write(HIT)
    assert capfd.readouterr().err == ""
    accesslog.configure(ServerSettings())
    assert accesslog.enabled()


@pytest.mark.parametrize(
    ("text", "escaped"), [("a b", "a b"), ("a\nb", "a\\nb"), ("\x00é", "\\x00é"), ("\x1b[0m", "\\x1b[0m"), ("", "")]
)
def test_escapes(text: str, escaped: str) -> None:
    assert escape(text) == escaped
