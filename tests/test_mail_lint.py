"""Every mail that we render is shown as it is meant by Outlook for Windows and Gmail, or has something in its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from every_mail import MADE, Mails
from mail_linter import ALLOWED, ALLOWED_IN_STYLE, SUPPORT, features, lint

from finops.config import folder


@pytest.fixture(scope="module", params=sorted(MADE))
def mails(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mails:
    kind = MADE[request.param]
    made = kind.make(tmp_path_factory.mktemp(request.param))
    assert len(made) >= kind.least, sorted(made)
    return made


def test_nothing_is_used_that_outlook_or_gmail_does_not_show(mails: Mails):
    assert {name: problems for name, html in mails.items() if (problems := lint(html))} == {}


def test_no_mail_is_left_out():
    mails = {
        path.name
        for path in folder("reports").glob("*.html")
        if re.search(r'{% extends ("base.html"|frame) %}', path.read_text("utf-8"))
    }

    assert {template for kind in MADE.values() for template in kind.templates} == mails


def test_what_is_not_shown_is_found():
    wrong = """<!doctype html>
    <style>.a:hover { position: absolute } @supports (display: grid) { b { gap: 1px } }</style>
    <div style="display:flex; box-shadow: 1px 1px; margin-left: calc(1px + 2vw); border-top-left-radius: 2px">
    <video src="x.mp4"></video><img src="data:image/png;base64,AA" srcset="x"><p hidden>&nbsp;</p>
    <script></script></div>"""

    said = " ".join(lint(wrong))

    for feature in (
        "css-position", "css-at-supports", "css-gap", "css-display-flex", "css-box-shadow", "css-unit-calc",
        "css-unit-vw", "html-video", "image-base64", "html-srcset", "html-hidden", "css-pseudo-class-hover", "<script>",
    ):  # fmt: skip
        assert f"{feature} " in said


def test_what_may_stand_in_a_style_sheet_may_not_stand_in_an_attribute():
    assert lint("<style>@media (max-width: 600px) { .a > b { color: red } }</style>") == []
    assert lint('<p style="color-scheme: dark">x</p>') != []


def test_a_mail_that_gmail_would_cut_is_found():
    assert "may be cut by Gmail" in lint(f"<p>{'x' * 100_000}</p>")[0]


def test_what_is_allowed_is_not_shown_everywhere_and_has_a_reason():
    for feature, reason in {**ALLOWED, **ALLOWED_IN_STYLE}.items():
        assert len(reason) > 10
        assert feature in SUPPORT


def test_the_table_is_caniemails(shared_data: Path):
    source = json.loads((shared_data / "html_email" / "caniemail_matrix_latest.json").read_text("utf-8"))
    clients = ("outlook.windows", "gmail.desktop-webmail", "gmail.android", "gmail.ios")

    theirs = {one["slug"]: " ".join((one[client] or "u")[0] for client in clients) for one in source}

    assert {feature: theirs[feature] for feature in SUPPORT} == SUPPORT


def test_features_are_known_by_their_place():
    assert ("css-padding", "style=", "padding: 1px") in set(features('<p style="padding-left: 1px">'))
