"""Settings to header fields, and secrets that stay so."""

from __future__ import annotations

import base64

import pytest

from mxart.settings import CredentialSettings
from mxart.upstream.credentials import Fields, basic_fields, credential_fields, merged, standing_fields


def basic(pair: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(pair.encode()).decode()


ROWS: list[tuple[CredentialSettings, Fields]] = [
    (CredentialSettings(), ()),
    (CredentialSettings(username="ci", password="pw"), (basic("ci:pw"),)),
    (CredentialSettings(username="ci"), (basic("ci:"),)),
    (CredentialSettings(password="only"), (basic(":only"),)),
    (CredentialSettings(username="jürgen", password="pä:ss"), (basic("jürgen:pä:ss"),)),
    (CredentialSettings(username="ci", password="p" * 200), (basic("ci:" + "p" * 200),)),
    (CredentialSettings(token="t0ken"), (("Authorization", "Bearer t0ken"),)),
    (CredentialSettings(token="t0ken", username="ci"), (("Authorization", "Bearer t0ken"),)),
    (CredentialSettings(headers={"X-Api-Key": "k"}), (("X-Api-Key", "k"),)),
    (CredentialSettings(headers={"X-A": "1"}, token="t"), (("X-A", "1"), ("Authorization", "Bearer t"))),
]


@pytest.mark.parametrize(("auth", "fields"), ROWS)
def test_fields(auth: CredentialSettings, fields: Fields) -> None:
    assert credential_fields(auth) == fields


PARTS: list[tuple[CredentialSettings, Fields, Fields]] = [
    (CredentialSettings(), (), ()),
    (CredentialSettings(username="ci", password="pw"), (), (basic("ci:pw"),)),
    (CredentialSettings(token="t"), (("Authorization", "Bearer t"),), ()),
    (CredentialSettings(token="t", username="ci", password="pw"), (("Authorization", "Bearer t"),), ()),
    (CredentialSettings(headers={"X-A": "1"}), (("X-A", "1"),), ()),
    (CredentialSettings(headers={"X-A": "1"}, username="ci", password="pw"), (("X-A", "1"),), (basic("ci:pw"),)),
]


@pytest.mark.parametrize(("auth", "standing", "answer"), PARTS)
def test_what_goes_along_unasked_and_what_waits(auth: CredentialSettings, standing: Fields, answer: Fields) -> None:
    assert (standing_fields(auth), basic_fields(auth)) == (standing, answer)
    assert set(standing + answer) == set(credential_fields(auth))


def test_later_fields_win_in_whatever_case() -> None:
    sets: tuple[Fields, ...] = ((("A", "1"), ("b", "2")), (), (("a", "3"), ("C", "4")))
    assert merged(*sets) == (("a", "3"), ("b", "2"), ("C", "4"))
