"""Put the predictions of all slices together and count.

Writes predictions.csv (with a header), confusion.csv (rows: the digit that was written, columns: the digit that was read) and
metrics.json (accuracy, and for each digit how many there are, precision and recall).
"""

import argparse
import csv
import json
from pathlib import Path


def measure(confusion):
    """Accuracy, and for each digit its count, precision and recall (None where nothing was counted), from the 10x10 counts."""
    total = sum(map(sum, confusion))
    digits = []
    for digit, row in enumerate(confusion):
        written, read, both = sum(row), sum(other[digit] for other in confusion), row[digit]
        precision, recall = (round(both / n, 4) if n else None for n in (read, written))
        digits.append({"digit": digit, "images": written, "precision": precision, "recall": recall})
    right = sum(confusion[digit][digit] for digit in range(10))
    return {"images": total, "right": right, "accuracy": round(right / total, 6), "digits": digits}


def save(name, rows):
    with Path(name).open("w", encoding="ascii", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("predictions", nargs="+")
    asked = parser.parse_args()
    rows = []
    for name in asked.predictions:
        with Path(name).open(encoding="ascii", newline="") as file:
            rows += [(int(number), int(label), int(digit), margin) for number, label, digit, margin in csv.reader(file)]
    rows.sort()
    confusion = [[0] * 10 for _ in range(10)]
    for _, label, digit, _ in rows:
        confusion[label][digit] += 1
    save("predictions.csv", [("image", "written", "read", "margin"), *rows])
    save("confusion.csv", [("written", *range(10)), *((digit, *row) for digit, row in enumerate(confusion))])
    with Path("metrics.json").open("w", encoding="ascii") as file:
        json.dump(measure(confusion), file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
