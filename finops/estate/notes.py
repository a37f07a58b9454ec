"""Notes that Azure itself writes among the custom properties of AML's resources: nobody sets them.

They refer to nothing: on a batch endpoint Azure writes the id of an online endpoint that does not exist (recorded:
azure-ai-ml, test_batch_endpoint_create).

Names in lower case, seen in answers of ml 2024-04-01 to what azure-ai-ml and the studio had made.
"""

from __future__ import annotations

NOTES = frozenset({"azureasyncoperationuri", "azureml.onlineendpointid"})
