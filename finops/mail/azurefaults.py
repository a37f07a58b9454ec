"""Azure's refusals of a mail, told apart: certain or not, for good or for now."""

from __future__ import annotations

from finops.errors import AzureError, TemporaryError
from finops.mail.transport import Said

# For good: the mail itself or an address is wrong. 401 and 403 are about us: somebody mends that.
FOR_GOOD = {400, 404, 413, 422}


def known(fault: AzureError) -> Said:
    """What a refusal says. Raised again where the mail may have left in spite of it."""
    if fault.status in FOR_GOOD:
        return Said("refused", fault.what)
    certain = 400 <= fault.status < 500 and fault.status != 408
    never_arrived = isinstance(fault, TemporaryError) and fault.status == 0
    # 503 and 529 turn away at the door, see finops.cloud.retry.REFUSED
    if certain or never_arrived or fault.status in (503, 529):
        return Said("later", f"{fault.what} {fault.fix}")
    raise fault
