"""Part the images into a training part and slices of equal size; what does not divide evenly goes into the last slice.

Reads lines of 64 pixels and a label. Writes train.csv and slice-*.csv, each line with the image's number (from 0) put first, so that
a prediction can be traced to its picture.
"""

import argparse
import sys
from pathlib import Path


def bounds(count, slices):
    """Where `slices` slices of `count` things begin and end: equal sizes, the last one takes the remainder."""
    size = count // slices
    return [(i * size, count if i == slices - 1 else (i + 1) * size) for i in range(slices)]


def save(name, rows):
    with Path(name).open("w", encoding="ascii") as file:
        file.writelines(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("digits")
    parser.add_argument("--train", type=int, required=True, help="how many images to train with, from the start of the file")
    parser.add_argument("--slices", type=int, required=True, help="how many slices to make of the rest")
    asked = parser.parse_args()
    with Path(asked.digits).open(encoding="ascii") as file:
        rows = [f"{number},{line.strip()}\n" for number, line in enumerate(file) if line.strip()]
    if not 0 < asked.train < len(rows):
        sys.exit(f"--train {asked.train}: there are {len(rows)} images; at least one must be left to classify")
    rest = rows[asked.train :]
    if not 0 < asked.slices <= len(rest):
        sys.exit(f"--slices {asked.slices}: must be from 1 to {len(rest)}, the number of images that are left after training")
    save("train.csv", rows[: asked.train])
    width = len(str(asked.slices))
    for number, (start, end) in enumerate(bounds(len(rest), asked.slices), 1):
        save(f"slice-{number:0{width}}.csv", rest[start:end])


if __name__ == "__main__":
    main()
