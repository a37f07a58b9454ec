"""One module a service; each has `routes(world)`. app.py collects them by listing this package."""
