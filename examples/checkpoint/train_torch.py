"""Train a small network and survive evictions. The three lines are marked; the rest is any loop of PyTorch.

python train_torch.py --seconds 0.05 --every 1
Stop it after some seconds with Ctrl-C or kill -9 and start it again: it goes on from the last step that was saved, to
the same result. Without --every the first save comes after a minute, and the others as often as they are worth.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

from finops import checkpoint  # 1


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--epochs", type=int, default=20)
    given.add_argument(
        "--seconds", type=float, default=0.0, help="How much longer each step takes, to have one to stop."
    )
    given.add_argument("--every", type=float, help="Seconds between saves, instead of what is learnt.")
    asked = given.parse_args()

    torch.manual_seed(7)
    inputs = torch.randn(2048, 20)
    loader = DataLoader(TensorDataset(inputs, inputs.sum(1, keepdim=True).sin()), batch_size=64, shuffle=True)
    model = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=200, gamma=0.5)

    ck = checkpoint.open(state={"model": model, "optimizer": optimizer, "scheduler": scheduler}, every=asked.every)  # 2
    for batch, wanted in ck.run(loader, epochs=asked.epochs):
        loss = torch.nn.functional.mse_loss(model(batch), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        time.sleep(asked.seconds)
        ck.step(loss=loss)  # 3

    model.eval()
    with torch.no_grad():
        loss = torch.nn.functional.mse_loss(model(inputs), inputs.sum(1, keepdim=True).sin())
    told = ck.stats()
    print(f"{ck.place.step} steps, loss {loss:.6f}; attempt {told.attempt}, which began at step {told.restored or 0}")


if __name__ == "__main__":
    main()
