"""The weekly report: figures from the charges, and every form in which people read them."""

from __future__ import annotations

from finops.report.build import build
from finops.report.claim import Claim
from finops.report.model import Report
from finops.report.render import Rendered, render

__all__ = ["Claim", "Rendered", "Report", "build", "render"]
