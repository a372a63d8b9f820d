"""Show the result on one page: accuracy, the confusion matrix as a heat map, each digit's figures, every image that was misread.

Writes report.html, which needs nothing beside it (no script, no font, no other file), and confusion.svg.
"""

import argparse
import csv
import json
from pathlib import Path

CELL = 44
EDGE = 56
RIGHT, WRONG = (15, 118, 110), (194, 65, 12)

STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #667085; --line: #e4e7ec; --right: #0f766e; --wrong: #c2410c; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f5f1; color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 48px 24px 32px; }
h1 { margin: 0 0 4px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 0 0 4px; font-size: 18px; }
p { margin: 0; }
.soft { color: var(--soft); font-size: 14px; }
.panel { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 24px; }
.figures { display: flex; flex-wrap: wrap; gap: 16px; margin: 28px 0 16px; }
.figures .panel { flex: 1 1 160px; padding: 16px 24px; }
.figures b { display: block; font-size: 34px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures .right b { color: var(--right); }
.figures .wrong b { color: var(--wrong); }
.pair { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 16px; margin-bottom: 16px; }
.matrix { display: block; width: 100%; height: auto; margin-top: 12px; }
table { width: 100%; margin-top: 14px; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: var(--soft); text-align: right; padding: 0 0 6px; }
td { text-align: right; padding: 7px 0; border-top: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; font-weight: 600; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); gap: 18px 16px; margin: 18px 0 0; padding: 0; }
.sheet figure { margin: 0; text-align: center; }
.sheet svg { display: block; width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; }
.sheet figcaption { margin-top: 6px; font-size: 13px; line-height: 1.35; color: var(--soft); }
.sheet figcaption b { font-size: 15px; color: var(--ink); }
.sheet figcaption b + b { color: var(--wrong); }
footer { margin-top: 24px; font-size: 13px; color: var(--soft); }
a { color: inherit; }
@media (max-width: 800px) { .pair { grid-template-columns: minmax(0, 1fr); } main { padding-top: 28px; } }
@media print { body { background: #fff; } main { padding: 0; } .panel { break-inside: avoid; } }
"""


def tint(colour, strength):
    """`colour` on white at `strength` from 0 to 1, as #rrggbb."""
    return "#" + "".join(f"{round(255 + (part - 255) * strength):02x}" for part in colour)


def cell(row, column, count, written):
    """One square of the matrix. Right ones are shaded by their share of the digit, wrong ones from a quarter up: one must be seen."""
    x, y = EDGE + column * CELL, EDGE + row * CELL
    strength = count / written if row == column else 0.2 + 0.8 * min(count / 6, 1)
    fill = tint(RIGHT if row == column else WRONG, strength) if count else "#f7f8f9"
    square = f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{CELL - 2}" rx="4" fill="{fill}"/>'
    if not count:
        return square
    ink = "#ffffff" if strength > 0.5 else "#1c2430"
    text = f'<text x="{x + CELL // 2}" y="{y + CELL // 2 + 5}" fill="{ink}">{count}</text>'
    return f"<g><title>{count} of {written}: wrote {row}, read {column}</title>{square}{text}</g>"


def matrix(confusion):
    """The confusion matrix as an SVG document: a row for each digit that was written, a column for each that was read."""
    size = EDGE + 10 * CELL + 4
    middle = EDGE + 5 * CELL
    cells = [cell(r, c, n, sum(row)) for r, row in enumerate(confusion) for c, n in enumerate(row)]
    heads = [f'<text x="{EDGE + d * CELL + CELL // 2}" y="{EDGE - 10}" font-weight="600">{d}</text>' for d in range(10)]
    sides = [f'<text x="{EDGE - 14}" y="{EDGE + d * CELL + CELL // 2 + 5}" font-weight="600">{d}</text>' for d in range(10)]
    titles = [
        f'<text x="{middle}" y="18" fill="#667085">read as</text>',
        f'<text x="14" y="{middle}" fill="#667085" transform="rotate(-90 14 {middle})">written</text>',
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="matrix" viewBox="0 0 {size} {size}" role="img" '
        'aria-label="Confusion matrix" font-family="system-ui, Segoe UI, Helvetica Neue, Arial, sans-serif" '
        'font-size="15" text-anchor="middle" fill="#1c2430">'
    )
    return "\n".join([head, *titles, *heads, *sides, *cells, "</svg>"])


def picture(pixels):
    """An image of 8x8 pixels as SVG, ink on paper."""
    squares = [
        f'<rect x="{1 + i % 8}" y="{1 + i // 8}" width="1.02" height="1.02" fill="{tint((28, 36, 48), value / 16)}"/>'
        for i, value in enumerate(pixels)
        if value
    ]
    return f'<svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill="#fff"/>{"".join(squares)}</svg>'


def misread(predictions, images):
    """The sheet of misread images, the surest mistakes first."""
    wrong = [row for row in predictions if row["written"] != row["read"]]
    for row in sorted(wrong, key=lambda row: (-float(row["margin"]), int(row["image"]))):
        yield (
            f"<figure>{picture(images[int(row['image'])])}<figcaption><b>{row['written']}</b> read as <b>{row['read']}</b>"
            f"<br>image {row['image']}<br>margin {float(row['margin']):.2f}</figcaption></figure>"
        )


def share(value):
    return "–" if value is None else f"{100 * value:.1f} %"


def figures(metrics):
    """The table of each digit's figures."""
    rows = [
        f"<tr><td>{d['digit']}</td><td>{d['images']}</td><td>{share(d['recall'])}</td><td>{share(d['precision'])}</td></tr>"
        for d in metrics["digits"]
    ]
    head = "<tr><th>digit</th><th>images</th><th>found</th><th>trusted</th></tr>"
    return "\n".join(["<table>", head, *rows, "</table>"])


def page(metrics, confusion, sheet):
    """The whole page."""
    wrong = metrics["images"] - metrics["right"]
    body = "\n".join(sheet) or '<p class="soft">None.</p>'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Handwritten digits: {share(metrics["accuracy"])} read rightly</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Handwritten digits</h1>
<p class="soft">A kernel ridge classifier on images of 8x8 pixels, none of which it saw in training</p>
<section class="figures">
<div class="panel right"><b>{share(metrics["accuracy"])}</b>accuracy</div>
<div class="panel"><b>{metrics["images"]}</b>images classified</div>
<div class="panel wrong"><b>{wrong}</b>misread</div>
</section>
<section class="pair">
<div class="panel"><h2>What was read as what</h2>
<p class="soft">Rows: the digit that was written. Columns: the digit that was read.</p>
{matrix(confusion)}</div>
<div class="panel"><h2>Digit by digit</h2>
<p class="soft"><i>Found</i> (recall): of the images of this digit, those that were read so.
<i>Trusted</i> (precision): of those that were read so, the right ones.</p>
{figures(metrics)}</div>
</section>
<section class="panel"><h2>Every misread image</h2>
<p class="soft">The surest mistakes first. The margin says how far the choice lay ahead of the second best:
near 0 is a guess, near 2 is sure.</p>
<div class="sheet">
{body}
</div></section>
<footer>Data: E. Alpaydin, C. Kaynak, <a href="https://doi.org/10.24432/C50P49">Optical Recognition of Handwritten Digits</a>,
UCI Machine Learning Repository, 1998, <a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>.</footer>
</main>
</body>
</html>
"""


def table(name):
    with Path(name).open(encoding="ascii", newline="") as file:
        return list(csv.reader(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("digits", "predictions", "confusion", "metrics"):
        parser.add_argument(name)
    asked = parser.parse_args()
    images = [list(map(int, row[:64])) for row in table(asked.digits) if row]
    head, *rows = table(asked.predictions)
    predictions = [dict(zip(head, row, strict=True)) for row in rows]
    confusion = [list(map(int, row[1:])) for row in table(asked.confusion)[1:]]
    with Path(asked.metrics).open(encoding="utf-8") as file:
        metrics = json.load(file)
    with Path("confusion.svg").open("w", encoding="utf-8") as file:
        file.write(matrix(confusion) + "\n")
    with Path("report.html").open("w", encoding="utf-8") as file:
        file.write(page(metrics, confusion, misread(predictions, images)))


if __name__ == "__main__":
    main()
