"""The peer of `parallax bench step`: the same training step in eager PyTorch.

Table 6 recogniser with the auxiliary CTC head, input scaling, gradient clipping and Adam; nothing else in the loop.
Prints one line of JSON. With --parallax PROGRAM both are measured, in turns, and the ratio is printed as well; with
--device cuda `torch.compile` is a second peer. On CUDA both sides use TF32.

    python tests/bench/training_step.py --parallax target/release/parallax
    python tests/bench/training_step.py --parallax target/release/parallax --device cuda --batch 256

Needs torch (on the CPU, its CPU build is enough).
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import torch
from torch import nn

CLASSES = 24  # class 0 is the blank
HEIGHT, WIDTH = 30, 100


class Crnn(nn.Module):
    """[B, 1, 30, 100] in [0, 1] -> logits of both heads, [25, B, CLASSES] each."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for filters, pool in [(64, (2, 2)), (128, (2, 2)), (128, (2, 1)), (64, (2, 1))]:
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1, bias=False),
                nn.BatchNorm2d(filters),
                nn.LeakyReLU(0.1),
                nn.MaxPool2d(pool, pool),
            ]
            channels = filters
        self.blocks = nn.Sequential(*layers)
        self.lstm = nn.LSTM(channels, 256, 2)
        self.head = nn.Linear(256, CLASSES)
        self.auxiliary = nn.Linear(channels, CLASSES)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.blocks((image - 0.5) * 4).squeeze(2).permute(2, 0, 1)
        return self.head(self.lstm(features)[0]), self.auxiliary(features)


class Step:
    """One training step on a fixed batch."""

    def __init__(self, batch: int, device: str, compiled: bool = False) -> None:
        torch.manual_seed(0)
        self.device = device
        self.model = Crnn().to(device)
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.loss = nn.CTCLoss()
        # Lengths stay on the CPU: there PyTorch looks at them without waiting for the device.
        self.image = torch.rand(batch, 1, HEIGHT, WIDTH).to(device)
        self.lengths = torch.randint(4, 7, (batch,))
        self.labels = torch.randint(1, CLASSES, (batch, 6)).to(device)

    def head_loss(self, logits: torch.Tensor) -> torch.Tensor:
        frames = torch.full((logits.shape[1],), logits.shape[0])
        return self.loss(logits.log_softmax(-1), self.labels, frames, self.lengths)

    def __call__(self) -> None:
        logits, auxiliary = self.forward(self.image)
        loss = self.head_loss(logits) + 0.5 * self.head_loss(auxiliary)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5)
        self.optimiser.step()
        if self.device == "cuda":
            torch.cuda.synchronize()


def time_step(step: Step, seconds: float) -> list[float]:
    """Milliseconds of each step."""
    times: list[float] = []
    start = time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        step()
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def summary(batch: int, threads: int, times: list[float]) -> dict:
    median = statistics.median(times)
    return {
        "batch": batch,
        "threads": threads,
        "steps": len(times),
        "median_ms": median,
        "fastest_ms": min(times),
        "images_per_second": batch / median * 1e3,
    }


def parallax(program: str, batch: int, threads: int, seconds: float, device: str) -> dict:
    options = ["--batch", str(batch), "--threads", str(threads), "--seconds", str(seconds), "--device", device]
    command = [program, "bench", "step", "--json", *options]
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        while run.poll() is None:
            peak = max(peak, peak_mb(run.pid))
            time.sleep(0.1)
        assert run.returncode == 0, f"{command} ended with {run.returncode}"
        return json.load(run.stdout) | {"peak_mb": peak}


def peak_mb(pid: int | str) -> float:
    """Most memory that a process has had at once, 0 when it is gone.

    Not that of `getrusage`: a child's begins with what its parent had before `exec`.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return sum(peaks) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4, help="for each side in each turn")
    parser.add_argument("--turns", type=int, default=5, help="short ones, so that a change of load meets both")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--parallax", metavar="PROGRAM", help="measure this as well, in turns")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")  # TF32 where there is one
    torch.backends.cudnn.allow_tf32 = True
    peers = {"pytorch": Step(options.batch, options.device)}
    if options.device == "cuda":
        peers["compiled"] = Step(options.batch, options.device, compiled=True)
    for step in peers.values():
        for _ in range(3):
            step()  # the first step allocates, or compiles
    times: dict[str, list[float]] = {name: [] for name in peers}
    ours: list[dict] = []
    for _ in range(options.turns if options.parallax else 1):
        for name, step in peers.items():
            times[name] += time_step(step, options.seconds)
        if options.parallax:
            ours.append(parallax(options.parallax, options.batch, options.threads, options.seconds, options.device))
    result = {name: summary(options.batch, options.threads, times[name]) for name in peers}
    result["pytorch"] |= {"version": torch.__version__, "peak_mb": peak_mb("self")}
    if ours:
        # The median of the turns: on a busy machine one turn can be off.
        result["parallax"] = sorted(ours, key=lambda turn: turn["median_ms"])[len(ours) // 2]
        result["parallax"]["peak_mb"] = max(turn["peak_mb"] for turn in ours)
        result["ratio"] = result["pytorch"]["median_ms"] / result["parallax"]["median_ms"]
        if "compiled" in result:
            result["ratio_to_compiled"] = result["compiled"]["median_ms"] / result["parallax"]["median_ms"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
