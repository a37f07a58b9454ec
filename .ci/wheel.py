"""Check what a wheel holds: the engine and the content folders, and nothing else."""

import sys
import zipfile

names = zipfile.ZipFile(sys.argv[1]).namelist()
tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
assert tops == {"finops"}, f"the wheel would install {sorted(tops)}"
for content in ("policies", "janitor", "reports", "cron"):
    assert any(name.startswith(f"finops/_shipped/{content}/") for name in names), f"{content}/ is missing"
for part in ("py.typed", "web/templates/layout.html", "web/static/"):
    assert any(name.startswith(f"finops/{part}") for name in names), f"finops/{part} is missing"
