"""Azure's refusals of a mail, told apart: certain or not, for good or for now."""

from __future__ import annotations

from finops.errors import AzureError, TemporaryError
from finops.mail.transport import Said

# For good: the mail itself or an address is wrong. 401, 403 and 404 are about us, such as no such mailbox to send from:
# somebody mends that.
FOR_GOOD = {400, 413, 422}
OURS = {"DomainNotLinked"}  # a 400 all the same: ACS knows the sender's domain, and our resource is not linked to it


def known(fault: AzureError) -> Said:
    """What a refusal says. Raised again where the mail may have left in spite of it."""
    if fault.status in FOR_GOOD and fault.code not in OURS:
        return Said("refused", fault.what)
    certain = 400 <= fault.status < 500 and fault.status != 408
    never_arrived = isinstance(fault, TemporaryError) and fault.status == 0
    # 503 and 529 turn away at the door, see finops.cloud.retry.REFUSED
    if certain or never_arrived or fault.status in (503, 529):
        return Said("later", f"{fault.what} {fault.fix}")
    raise fault
