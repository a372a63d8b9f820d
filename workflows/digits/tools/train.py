"""Train a kernel ridge classifier: one weight per training image and digit, a Gaussian kernel between images.

Writes model.npz and, for people, model.json. The weights are rounded to multiples of 1/SCALE and kept as whole numbers: the last bits
of a linear solve depend on the machine and its threads, and with them gone a prediction is whole-number arithmetic, which does not.
"""

import argparse
import io
import json
import zipfile
from pathlib import Path

import numpy as np

SCALE = 1 << 12


def squared_distances(a, b):
    """|x - y|^2 for every row x of `a` and y of `b`, in whole numbers."""
    return (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)


def weights(pixels, labels, gamma, ridge):
    """Solve (K + ridge I) w = t, where t is 1 for an image's own digit and -1 for the others. Shape (images, 10)."""
    kernel = np.exp(-gamma * squared_distances(pixels, pixels))
    targets = np.where(np.arange(10)[None, :] == labels[:, None], 1.0, -1.0)
    return np.linalg.solve(kernel + ridge * np.eye(len(pixels)), targets)


def save(path, **arrays):
    """What numpy.savez does, with the same bytes from every Python: they differ in how they mark files that might have become large."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.save(data, np.asanyarray(array))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("--gamma", type=float, default=0.001, help="how fast likeness fades with the squared distance of two images")
    parser.add_argument("--ridge", type=float, default=0.1, help="how much to hold the weights back")
    asked = parser.parse_args()
    rows = np.loadtxt(asked.train, delimiter=",", dtype=np.int64, ndmin=2)
    pixels, labels = rows[:, 1:65], rows[:, 65]
    solved = weights(pixels, labels, asked.gamma, asked.ridge)
    rounded = np.rint(solved * SCALE).astype(np.int64)
    save("model.npz", pixels=pixels, weights=rounded, gamma=asked.gamma, scale=SCALE)
    summary = {
        "method": "kernel ridge, one digit against the others",
        "gamma": asked.gamma,
        "ridge": asked.ridge,
        "images": len(labels),
        "images of each digit": np.bincount(labels, minlength=10).tolist(),
    }
    with Path("model.json").open("w", encoding="utf-8") as file:
        json.dump(summary, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
