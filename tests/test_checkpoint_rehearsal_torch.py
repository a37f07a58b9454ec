"""A PyTorch training that is rehearsed ends bit for bit as the undisturbed one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from finops.checkpoint.rehearsing.patterns import recorded
from finops.checkpoint.rehearsing.rehearsal import Plan, rehearse
from finops.checkpoint.rehearsing.rehearsed import measured, sameness

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ROOT = Path(__file__).parent.parent
SCRIPT = """
import sys, time
import torch
from finops import checkpoint

torch.set_num_threads(1)
torch.manual_seed(5)
model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
inputs = torch.randn(200, 8)
data = torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
state = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
with checkpoint.open(state=state) as ck:
    for x, y in ck.run(loader, epochs=3):
        loss = torch.nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        time.sleep(0.02)
        ck.step(loss=loss)
torch.save(model.state_dict(), sys.argv[1])
"""


def test_a_rehearsed_pytorch_training_ends_bit_for_bit(tmp_path: Path):
    script, hours, result = tmp_path / "train.py", tmp_path / "hours.json", tmp_path / "model.pt"
    script.write_text(SCRIPT)
    hours.write_text("[2, 14]")
    plan = Plan(
        [sys.executable, str(script), str(result)], recorded(hours), tmp_path / "kept", scale=3600.0, results=(result,)
    )

    found = rehearse(plan, {**os.environ, "PYTHONPATH": str(ROOT)})

    same = sameness(found)
    assert len(found.evicted) == 1
    assert measured(found).lost_steps[0] > 0
    assert (same.state, same.alike, same.steps) == (True, 150, 150)
    assert found.same[result]
