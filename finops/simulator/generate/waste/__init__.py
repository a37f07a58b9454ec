"""One of every waste that the janitor's rules are about, and beside each what looks like it and must be kept.

They lie where no lock holds: in development and sandbox workspaces, and in a lab that nobody tagged. Each is waste by
one rule only. What is kept for want of knowledge is told apart from what is known to be needed.
"""

from __future__ import annotations

from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import Place
from finops.simulator.generate.waste import assets, batch, clusters, endpoints, instances
from finops.simulator.generate.waste.site import Site


def plant(draft: Draft, places: list[Place], labs: list[Place]) -> None:
    """A round for each lab, in workspaces of their own as far as there are enough."""
    quiet = [place for place in places if not place.locked and place.team not in ("vision", "forecasting")]
    dev = [place for place in quiet if place.environment == "dev"] or quiet
    for number, lab in enumerate(labs):
        site = Site(draft, dev[number % len(dev)], quiet[(number * 2 + 1) % len(quiet)], lab, number)
        endpoints.plant(site)
        batch.plant(site)
        instances.plant(site)
        clusters.plant(site)
        assets.plant(site)
