"""`python -m finops` and the `finops` command."""

from __future__ import annotations
