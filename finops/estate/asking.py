"""Ask many things at the same time, and keep the fault of each that got no answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, SignInError
from finops.estate.model import Gap

if TYPE_CHECKING:
    from finops.cloud import Azure


@dataclass(frozen=True)
class Ask:
    """One thing to ask: what, below which scope, and the call that answers."""

    what: str
    scope: str
    call: Callable[[], Any]


class Asker:
    """Asks, and collects `faults` and the `gaps` that they leave."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.faults: list[AzureError] = []
        self.gaps: list[Gap] = []

    def all(self, asks: Iterable[Ask]) -> Iterator[tuple[Ask, Any]]:
        """The answers that came, in the order in which they came."""
        asks = list(asks)
        for one, answer in self.azure.each(asks, lambda one: one.call()) if asks else ():
            if isinstance(answer, SignInError):
                # Whatever is still to be asked would be refused as well, and look like an estate of gaps.
                raise answer
            if isinstance(answer, AzureError):
                self.faults.append(answer)
                self.gaps.append(gap(one.scope, one.what, answer))
            else:
                yield one, answer


def gap(scope: str, what: str, fault: AzureError) -> Gap:
    """What is missing because of `fault`."""
    status = f"{fault.status} " if fault.status else ""
    code = f"{fault.code}: " if fault.code and fault.code not in fault.what else ""
    return Gap(scope, what, f"{status}{code}{fault.what}", fault.status, fault.code)
