"""A solver that purifies: a small U-Net, trained on pairs, makes of a perturbed captcha what was drawn, as far as it can;
a checkpoint then reads that. It has what any attacker has who reads this source: the renderer, the attack, and the
shipped models to make as many pairs as it likes.

    pip install torch==2.15.0 numpy==2.4.6 pillow==13.0.0
    parallax dataset --count 5000 --seed 31 --out plain && parallax perturb --in plain --out perturbed
    python tests/solvers/purifier.py train plain perturbed purifier.pt
    parallax scoreboard --solver-cmd 'purifier=python tests/solvers/purifier.py read purifier.pt attacker'

`read` runs `parallax solve`, or what PARALLAX_PROGRAM names.
"""

import csv
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from torch import nn

HEIGHT, WIDTH = 60, 200
EPOCHS, BATCH, RATE = 12, 32, 2e-3


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
    )


class Purifier(nn.Module):
    """`[N, 1, 60, 200]` in [0, 1] to the same, half and a quarter of the size in between."""

    def __init__(self) -> None:
        super().__init__()
        self.at_full, self.at_half, self.at_quarter = block(1, 16), block(16, 32), block(32, 64)
        self.up_half, self.up_full = block(96, 32), block(48, 16)
        self.last = nn.Conv2d(16, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        def up(x: torch.Tensor) -> torch.Tensor:
            return nn.functional.interpolate(x, scale_factor=2, mode="nearest")

        full = self.at_full(image)
        half = self.at_half(nn.functional.max_pool2d(full, 2))
        quarter = self.at_quarter(nn.functional.max_pool2d(half, 2))
        half = self.up_half(torch.cat([up(quarter), half], 1))
        return self.last(self.up_full(torch.cat([up(half), full], 1))).sigmoid()


def picture(path: pathlib.Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L").resize((WIDTH, HEIGHT)), dtype=np.uint8)


def tensor(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pictures.astype(np.float32) / 255).unsqueeze(1)


def train(plain: str, perturbed: str, out: str) -> None:
    torch.manual_seed(0)
    names = sorted(path.name for path in pathlib.Path(perturbed).glob("*.png"))
    if not names:
        sys.exit(f"no pictures in {perturbed}")
    wanted = np.stack([picture(pathlib.Path(plain) / name) for name in names])
    given = np.stack([picture(pathlib.Path(perturbed) / name) for name in names])
    model, steps = Purifier(), EPOCHS * (len(names) // BATCH)
    adam = torch.optim.Adam(model.parameters(), RATE)
    fall = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=max(steps, 1))
    for epoch in range(EPOCHS):
        order, losses = torch.randperm(len(names)).numpy(), []
        for start in range(0, len(names) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            loss = (model(tensor(given[chosen])) - tensor(wanted[chosen])).abs().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            fall.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} of {EPOCHS}: off by {np.mean(losses):.4f} of the range", file=sys.stderr)
    torch.save(model.state_dict(), out)


def read(weights: str, checkpoint: str) -> None:
    model = Purifier()
    model.load_state_dict(torch.load(weights))
    model.eval()
    names = [line.rstrip("\n") for line in sys.stdin]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        with open(root / "labels.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["file", "label"])
            for start in range(0, len(names), BATCH):
                given = np.stack([picture(pathlib.Path(name)) for name in names[start : start + BATCH]])
                with torch.no_grad():
                    purified = (model(tensor(given))[:, 0] * 255).round().to(torch.uint8).numpy()
                for index, image in enumerate(purified, start):
                    Image.fromarray(image).save(root / f"{index:06}.png")
                    # What they say is not known here; a label has to be one.
                    rows.writerow([f"{index:06}.png", "AAAA"])
        program = os.environ.get("PARALLAX_PROGRAM", "parallax")
        command = [program, "solve", "--in", folder, "--checkpoint", checkpoint, "--answers", str(root / "answers.csv")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(root / "answers.csv", newline="") as file:
            answers = {row["file"]: row["answer"] for row in csv.DictReader(file)}
    for index in range(len(names)):
        print(answers[f"{index:06}.png"])


def main() -> None:
    match sys.argv[1:]:
        case ["train", plain, perturbed, out]:
            train(plain, perturbed, out)
        case ["read", weights, checkpoint]:
            read(weights, checkpoint)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
