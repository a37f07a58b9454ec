"""What can go wrong, each with what to do about it.

FinopsError            exit 1   something is wrong, and only a person can mend it
|- UsageError          exit 2   the command was called with something that cannot be meant
|- ConfigError         exit 1   a setting is wrong
|- MissingExtra        exit 1   a part of aml-finops is not installed
|- DataError           exit 1   a file is not what it should be
|  `- MixedCurrencies           amounts in several currencies cannot be added
|- AzureError          exit 1   Azure refused, or answered nonsense
|  |- SignInError               the login is missing or expired
|  |- AccessDenied              a permission is missing
|  `- NotFound                  it is not there (any more)
`- TemporaryError      exit 75  throttled or unreachable: the same call may work later
   `- NotSent                   a change that Azure did not take: it is decided on again before it is sent again

A result that is only partly there is no error: commands print it, say what is missing, and exit 20 (PARTIAL).
"""

from __future__ import annotations

PARTIAL = 20


class FinopsError(Exception):
    """`what` happened, with the value that caused it, and the `fix`: what the reader can do now."""

    exit_code = 1

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}".strip())
        self.what = what
        self.fix = fix


class UsageError(FinopsError):
    exit_code = 2


class ConfigError(FinopsError):
    pass


class MissingExtra(FinopsError):
    def __init__(self, doing: str, extra: str) -> None:
        super().__init__(
            f"{doing} needs the extra '{extra}', which is not installed.", f"Run: pip install 'aml-finops[{extra}]'"
        )


class DataError(FinopsError):
    pass


class MixedCurrencies(DataError):
    pass


class AzureError(FinopsError):
    """Azure said no. `status` and `code` are Azure's own (status 0: it never answered)."""

    def __init__(self, what: str, fix: str, status: int = 0, code: str = "") -> None:
        super().__init__(what, fix)
        self.status = status
        self.code = code


class SignInError(AzureError):
    pass


class AccessDenied(AzureError):
    pass


class NotFound(AzureError):
    pass


class TemporaryError(AzureError):
    exit_code = 75


class NotSent(TemporaryError):
    """A change that certainly was not carried out. `seconds`: how long Azure asks to wait before the next try."""

    def __init__(self, what: str, fix: str, status: int = 0, code: str = "", seconds: float = 0.0) -> None:
        super().__init__(what, fix, status, code)
        self.seconds = seconds
