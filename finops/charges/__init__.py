"""What it costs: FOCUS charges, loaded from files or asked from Azure, and questions about them.

book = charges.load(["exports/"])
book.by(["CostCenter"], basis="effective", period=Period.month("2024-09"))
"""

from __future__ import annotations

from finops.charges.book import Charges, Gap
from finops.charges.ingest import ingest
from finops.charges.loading import load
from finops.charges.period import Period
from finops.charges.rejects import Rejected

__all__ = ["Charges", "Gap", "Period", "Rejected", "ingest", "load"]
