"""Lint a mail's HTML: nothing that Outlook for Windows or Gmail does not show, unless something stands in for it.

What they show is in `mail_support.json`, from caniemail (https://www.caniemail.com, MIT, (c) Rémi Parmentier).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib

TABLE = json.loads((Path(__file__).parent / "mail_support.json").read_text("utf-8"))
SUPPORT: dict[str, str] = TABLE["features"]
CLIENTS = ["Outlook", "Gmail", "Gmail on Android", "Gmail on iOS"]
LARGEST = 90 * 1024  # Gmail cuts a mail at 102 KB
LARGEST_STYLE = 16 * 1024  # Gmail drops a longer <style>, https://developers.google.com/workspace/gmail/design/css

# Feature -> what stands in for it, in style attributes and in <style>.
ALLOWED = {
    "css-max-height": "of the hidden preheader: its text is 1 px high and has the background's colour, too",
    "css-opacity": "of the hidden preheader: see css-max-height",
    "css-overflow": "of the hidden preheader: see css-max-height",
    "css-border-radius": "corners are square where it is unknown",
    "css-border-spacing": "tables have cellspacing=0 beside it",
    "css-white-space": "amounts and dates have word joiners, and break nowhere without it either",
    "css-caption-side": "captions stand above the table without it, too",
    "css-text-decoration-line": "links are underlined without it, too",
    "html-bdi": "names that run from right to left stand alone in their cell, or between isolates",
    "html-doctype": "Outlook lays out with Word whatever it says; the others need it",
    "html-aria-labelledby": "for those who listen; tables have captions",
    "html-meta-color-scheme": "Apple's mail programs read it; the others recolour by rules of their own",
}
# Feature -> why it may stand in <style>, where it only improves what style attributes have said.
ALLOWED_IN_STYLE = {
    "css-at-media": "narrow screens: one column fits 320 px without it, too",
    "css-at-media-prefers-color-scheme": "dark colours; every text and cell has a light colour of its own",
    "css-color-scheme": "see html-meta-color-scheme",
    "css-selector-attribute": "within a media query",
    "css-selector-child": "within a media query",
    "css-selector-chaining": "within a media query",
    "css-selector-universal": "within a media query",
    "css-display-none": "within a media query",
}
GROUPS = {
    r"border-.*radius": "border-radius",
    r"border-(top|right|bottom|left)(-.*)?|border-(width|style|color)": "border",
    r"(margin|padding)-(top|right|bottom|left)": r"\1",
    r"(left|right|top|bottom)": "left-right-top-bottom",
    r"font-(family|style|variant)": "font",
    r"overflow-[xy]": "overflow",
    r"(row|column)-gap": "gap",
    r"grid-template-.*": "grid-template",
}
VALUES = {
    r"\bdisplay\s*:\s*none": "css-display-none",
    r"\bdisplay\s*:\s*(inline-)?flex": "css-display-flex",
    r"\bdisplay\s*:\s*(inline-)?grid": "css-display-grid",
    r"\bcalc\(": "css-unit-calc",
    r"\bclamp\(": "css-function-clamp",
    r"\bmin\(": "css-function-min",
    r"\bmax\(": "css-function-max",
    r"\bvar\(|(^|[;{\s])--[a-z]": "css-variables",
    r"\brgba\(": "css-rgba",
    r"\b(hsl|hwb|lab|lch|oklch|color)\(": "css-modern-color",
    r"linear-gradient\(": "css-linear-gradient",
    r"radial-gradient\(": "css-radial-gradient",
    r"conic-gradient\(": "css-conic-gradient",
    r"\bsystem-ui\b": "css-sytem-ui",
    r"\d(rem)\b": "css-unit-rem",
    r"\d(vw)\b": "css-unit-vw",
    r"\d(vh)\b": "css-unit-vh",
    r"\d(ch)\b": "css-unit-ch",
    r"\burl\(": "css-background-image",
}
SELECTORS = {
    r"\*": "css-selector-universal",
    r">": "css-selector-child",
    r"\+": "css-selector-adjacent-sibling",
    r"~": "css-selector-general-sibling",
    r"\[": "css-selector-attribute",
    r"\.[\w-]+\.[\w-]+": "css-selector-chaining",
}
SEMANTIC = {"article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav", "section",
            "summary", "time"}  # fmt: skip
ELEMENTS = {**{f"h{n}": "html-h1-h6" for n in range(1, 7)}, **dict.fromkeys(("ul", "ol", "li", "dl"), "html-lists"),
            **dict.fromkeys(SEMANTIC, "html-semantics"), "button": "html-button-submit"}  # fmt: skip
PICTURES = {".png": "image-png", ".jpg": "image-jpg", ".jpeg": "image-jpg", ".gif": "image-gif", ".svg": "image-svg",
            ".webp": "image-webp", ".avif": "image-avif"}  # fmt: skip


def lint(html: str) -> list[str]:
    """What is wrong with the HTML of a mail, a line each."""
    found = []
    for feature, where, example in sorted(set(features(html))):
        missing = [
            client
            for client, is_shown in zip(CLIENTS, SUPPORT.get(feature, "").split(), strict=False)
            if is_shown == "n"
        ]
        reason = ALLOWED.get(feature) or (ALLOWED_IN_STYLE.get(feature) if where == "<style>" else None)
        if missing and not reason:
            found.append(f"{feature} is not shown by {', '.join(missing)}: {example} in {where}")
    if len(html.encode()) > LARGEST:
        found.append(f"the HTML has {len(html.encode())} bytes; more than {LARGEST} may be cut by Gmail")
    styles = sum(len(text.encode()) for text in _styles(_parsed(html)))
    if styles > LARGEST_STYLE:
        found.append(f"<style> has {styles} bytes; Gmail drops more than {LARGEST_STYLE}")
    found += [
        f"<{tag}> does nothing in mail but alarm filters"
        for tag in ("script", "iframe", "object", "form")
        if f"<{tag}" in html.lower()
    ]
    return found


def features(html: str) -> Iterator[tuple[str, str, str]]:
    """(feature, where, example) of everything that `html` uses and caniemail knows."""
    tree = _parsed(html)
    if html.lstrip()[:9].lower() == "<!doctype":
        yield "html-doctype", "markup", "<!doctype>"
    for element in tree.iter():
        if isinstance(element.tag, str):
            yield from _element(element)
    for text in _styles(tree):
        yield from _sheet(text)


def _element(element: Element) -> Iterator[tuple[str, str, str]]:
    tag = element.tag
    yield ELEMENTS.get(tag, f"html-{tag}"), "markup", f"<{tag}>"
    for name, value in element.items():
        yield f"html-{name}", "markup", f'<{tag} {name}="{value[:20]}">'
    if element.get("name") == "color-scheme":
        yield "html-meta-color-scheme", "markup", "<meta name=color-scheme>"
    href, src = element.get("href", ""), element.get("src", "")
    if href.startswith("#"):
        yield "html-anchor-links", "markup", href
    if src.startswith("data:"):
        yield "image-base64", "markup", src[:20]
    yield PICTURES.get(Path(src.partition("@")[0]).suffix, "html-img" if src else f"html-{tag}"), "markup", f"<{tag}>"
    if element.get("style"):
        yield from _declarations(element.get("style", ""), "style=")


def _sheet(text: str) -> Iterator[tuple[str, str, str]]:
    where = "<style>"
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for rule, condition in re.findall(r"@([\w-]+)([^{;]*)", text):
        yield f"css-at-{rule}", where, f"@{rule}"
        for name in re.findall(r"\(\s*([\w-]+)", condition):
            yield f"css-at-{rule}-{re.sub('^(min|max)-', '', name)}", where, f"@{rule} ({name})"
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        selector = selector.strip()
        for name in re.findall(r"(?<!:):([a-z-]+)", selector):
            yield f"css-pseudo-class-{name}", where, selector
        for name in re.findall(r"::([a-z-]+)", selector):
            yield f"css-pseudo-element-{name}", where, selector
        for pattern, feature in SELECTORS.items():
            if re.search(pattern, selector):
                yield feature, where, selector
        yield from _declarations(body, where)


def _declarations(text: str, where: str) -> Iterator[tuple[str, str, str]]:
    for pattern, feature in VALUES.items():
        if found := re.search(pattern, text):
            yield feature, where, found[0].strip()
    for declaration in text.split(";"):
        name, colon, value = (part.strip().lower() for part in declaration.partition(":"))
        if not colon or name.startswith(("mso-", "-webkit-", "-ms-", "--")):
            continue
        for pattern, group in GROUPS.items():
            if re.fullmatch(pattern, name):
                name = re.sub(f"^{pattern}$", group, name)
                break
        if f"css-{name}" in SUPPORT:
            yield f"css-{name}", where, f"{name}: {value[:30]}"


def _styles(tree: Element) -> list[str]:
    return [element.text or "" for element in tree.iter("style")]


def _parsed(html: str) -> Element:
    return html5lib.parse(html, namespaceHTMLElements=False)
