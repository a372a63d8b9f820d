"""Say which digit each image of a slice shows.

Reads model.npz and a slice (number, 64 pixels, label). Writes lines of number, label, the digit that the model says, and the margin:
how far it lies ahead of the second choice, from 0 (a guess) to about 2. The kernel is rounded to whole numbers, as the weights are:
the sums are exact, so an image's line is the same whichever slice it is in and whatever the machine.
"""

import argparse
from pathlib import Path

import numpy as np

KERNEL_SCALE = 1 << 16


def scores(model, pixels):
    """How much each image (row) looks like each digit (column), in multiples of 1 / (KERNEL_SCALE * the model's scale)."""
    known = model["pixels"]
    apart = (pixels * pixels).sum(axis=1)[:, None] + (known * known).sum(axis=1)[None, :] - 2 * (pixels @ known.T)
    kernel = np.rint(KERNEL_SCALE * np.exp(-float(model["gamma"]) * apart)).astype(np.int64)
    return kernel @ model["weights"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("slice")
    asked = parser.parse_args()
    rows = np.loadtxt(asked.slice, delimiter=",", dtype=np.int64, ndmin=2)
    with np.load(asked.model) as model:
        found = scores(model, rows[:, 1:65])
        unit = KERNEL_SCALE * int(model["scale"])
    ranked = np.sort(found, axis=1)
    margins = (ranked[:, -1] - ranked[:, -2]) / unit
    with Path(f"predictions-{Path(asked.slice).stem}.csv").open("w", encoding="ascii") as file:
        for row, digit, margin in zip(rows, found.argmax(axis=1), margins, strict=True):
            file.write(f"{row[0]},{row[65]},{digit},{margin:.4f}\n")


if __name__ == "__main__":
    main()
