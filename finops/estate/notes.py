"""Notes that Azure itself writes among the custom properties of AML's resources: nobody sets them.

Names in lower case, seen in answers of ml 2024-04-01 to what azure-ai-ml and the studio had made.
"""

from __future__ import annotations

NOTES = frozenset({"azureasyncoperationuri", "azureml.onlineendpointid"})
