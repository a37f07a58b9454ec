"""A refusal by the Blob service as our error: which right is missing, or what else keeps it from answering.

https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

from __future__ import annotations

from finops.errors import AccessDenied, AzureError, NotFound, SignInError

from .calls import Answer
from .faults import azure_error, printable, read_fault

READER, CONTRIBUTOR, OWNER = "Storage Blob Data Reader", "Storage Blob Data Contributor", "Storage Blob Data Owner"
_ABSENT = {"containernotfound", "blobnotfound", "resourcenotfound"}
_FIXES = {
    "blobarchived": "Bring it out of Archive first, which takes hours: set its tier to Hot, Cool or Cold.",
    "blobbeingrehydrated": "It is on its way out of Archive; wait until it is there.",
    "conditionnotmet": "It changed since it was read. Read it again.",
    "leaseidmissing": "Somebody works with it: it is leased. Try again when the lease has ended.",
    "accountisdisabled": "The account is disabled. Enable it, or leave it out.",
}


def fault_of(answer: Answer, doing: str, account: str, path: str, read: bool, sign_in_fix: str) -> AzureError:
    """The error for an answer that is a refusal. A HEAD has no body: its code is in a header."""
    said = read_fault(answer.body)
    code = said.code or printable(answer.header("x-ms-error-code") or "")
    lower = code.lower()
    message = plain(said.message)
    what = f"Azure refused {doing} ({answer.status}{f' {code}' if code else ''}){f': {message}' if message else ''}."
    if answer.status == 403:
        return _denied(answer.status, code, what, account, path, read, doing)
    if answer.status == 404 and (lower in _ABSENT or (not answer.body and answer.header("x-ms-request-id"))):
        return NotFound(what, "Check the name; it may have been deleted or renamed.", answer.status, code)
    if fix := _FIXES.get(lower):
        return AzureError(what, fix, answer.status, code)
    return azure_error(
        answer.status, answer.headers, answer.body, doing=doing, method="GET", path=f"/{path}", sign_in_fix=sign_in_fix
    )


def plain(message: str) -> str:
    """What the service says, without the number of the request and the time that end it, and without a full stop."""
    return message.partition(" RequestId:")[0].strip().rstrip(".")


def _denied(status: int, code: str, what: str, account: str, path: str, read: bool, doing: str) -> AzureError:
    lower = code.lower()
    if lower == "authorizationfailure":
        # What the firewall says, and only the firewall: https://learn.microsoft.com/azure/storage/common/storage-network-security
        fix = (
            f"The firewall of {account} does not admit this network: allow its address or subnet under Networking, "
            "or run finops where a private endpoint of the account can be reached."
        )
        return AccessDenied(what, fix, status, code)
    if lower in {"authenticationfailed", "invalidauthenticationinfo"}:
        return SignInError(what, "Check that this machine's clock is right and the login is not expired.", status, code)
    if lower == "accountisdisabled":
        return AzureError(what, _FIXES[lower], status, code)
    role = OWNER if "(tags)" in doing else READER if read else CONTRIBUTOR
    where = f"{account}, or on its container {path.partition('/')[0]}" if path else account
    return AccessDenied(
        what, f"Give this identity the role {role} on {where}; a new role takes some minutes.", status, code
    )
