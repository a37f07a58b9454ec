"""`finops checkpoint`: what training lost to evictions, would lose, and what its checkpoints hold.

Each command has a module of its own beside this one; `checkpoint` only gathers them.
"""

from __future__ import annotations

import click

from finops.cli import checkpoint_advise, checkpoint_place, checkpoint_rates, checkpoint_rehearse


@click.group()
def checkpoint() -> None:
    """Checkpoints of training on spot nodes: look at them, rehearse evictions, see what those cost."""


checkpoint.add_command(checkpoint_advise.advise)
checkpoint.add_command(checkpoint_place.gc)
checkpoint.add_command(checkpoint_place.ls)
checkpoint.add_command(checkpoint_rates.rates)
checkpoint.add_command(checkpoint_rehearse.rehearse)
checkpoint.add_command(checkpoint_place.verify)
