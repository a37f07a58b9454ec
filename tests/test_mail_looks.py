"""Every mail that we render fits on a phone and shuts nobody out, in light and dark, with styles and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import axe, chromium
from every_mail import MADE, Mails


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module", params=sorted(MADE))
def mails(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mails:
    return MADE[request.param].make(tmp_path_factory.mktemp(request.param))


def test_nothing_scrolls_sideways(browser: Any, mails: Mails):
    page = browser.new_page()
    wide = []

    for name, html in mails.items():
        for form, content in (("styled", html), ("bare", re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL))):
            page.set_content(content)
            for width in (320, 375, 600):
                page.set_viewport_size({"width": width, "height": 800})
                taken = page.evaluate("document.documentElement.scrollWidth")
                wide += [f"{name}, {form}: {taken} of {width}"] if taken > width else []

    page.close()
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, mails: Mails, scheme: str):
    page = browser.new_page(viewport={"width": 600, "height": 900}, color_scheme=scheme)
    problems = []

    for name, html in mails.items():
        page.set_content(html)
        problems += [f"{name}: {problem}" for problem in axe(page)]

    page.close()
    assert problems == []
