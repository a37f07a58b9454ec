"""What can be wrong with a checkpoint: each says what was found, what is used instead, and how to override."""

from __future__ import annotations

from finops.errors import DataError, FinopsError


class CheckpointWarning(UserWarning):
    """Training goes on, and somebody should know: a save that failed, a checkpoint that was passed over."""


class CannotSave(FinopsError):
    """The state holds something that has no plain form."""


class StoreFault(FinopsError):
    """The place where checkpoints are kept is full, read-only, or away."""


class Fenced(StoreFault):
    """A newer attempt of this job has begun: what this one saves is no longer wanted."""


class Damaged(DataError):
    """A file that is not, byte for byte, what was written."""


class Newer(DataError):
    """A file of a later format than this version reads."""


class Foreign(DataError):
    """A checkpoint of another job, or of a model of another shape."""
