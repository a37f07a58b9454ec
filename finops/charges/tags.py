"""SQL that finds one tag in a charge's Tags, however tag and key are spelled.

Tags come as JSON, as JSON without its outer braces (Azure's classic exports), as the text NULL, or empty.
"""

from __future__ import annotations

import re

from finops.charges.columns import literal

UNTAGGED = "(untagged)"


def same(one: str, other: str) -> bool:
    """Whether two spellings are one tag."""
    return re.sub(r"[\W_]", "", one).lower() == re.sub(r"[\W_]", "", other).lower()


def token(tags: str, key: str) -> str:
    """The value of the tag `key` as JSON has it, quotes included; "" where the tag is absent.

    Letter case and separators of the key make no difference: CostCenter, costcenter, cost-center, Cost_Center and
    " cost center" are one. Where several are there, the first counts.
    """
    letters = re.sub(r"[\W_]", "", key)
    name = r"[\s_.\-]*".join(re.escape(letter) for letter in letters)
    # A quote inside a JSON text is escaped, so `"CostCenter" :` cannot occur inside a value.
    pattern = rf'(?i)"\s*{name}\s*"\s*:\s*("(?:[^"\\]|\\.)*"|[^"\s,}}\]]+)'
    return f"regexp_extract({tags}, {literal(pattern)}, 1)"


def value(found: str) -> str:
    """What the JSON text `found` says, trimmed and else as written; null where it is absent, null or empty."""
    # Escapes such as é or \" are JSON's to undo; most values have none.
    plain = (
        f"CASE WHEN contains({found}, '\\') "
        f"THEN COALESCE(json_extract_string(TRY_CAST('[' || {found} || ']' AS JSON), '$[0]'), trim({found}, '\"')) "
        f"ELSE trim({found}, '\"') END"
    )
    # A tag that says "(untagged)" is not the same as none: it is shown in quotes.
    literally = literal(f'"{UNTAGGED}"')
    return (
        f"CASE WHEN {found} = {literally} THEN {literally} "
        f"WHEN {found} NOT IN ('', 'null') THEN NULLIF(trim({plain}), '') END"
    )
