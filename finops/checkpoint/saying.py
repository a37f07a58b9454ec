"""What somebody should know: a warning at the line of the caller's own that led to it."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

from finops.checkpoint.faults import CheckpointWarning

LOG = logging.getLogger("finops.checkpoint")
_OURS = str(Path(__file__).parent)


def warn(what: str) -> None:
    """Raises it where warnings are errors."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(what, CheckpointWarning, stacklevel=level)


def warn_or_log(what: str) -> None:
    """Where warnings are errors it is logged: a training does not end for what is said of it."""
    try:
        warn(what)
    except CheckpointWarning:
        LOG.warning(what)
