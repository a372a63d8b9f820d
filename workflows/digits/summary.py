"""Say in two lines what a run of the workflow gave: reads the output object that hyflow printed."""

import json
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit


def main():
    outputs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(f"Accuracy: {100 * outputs['accuracy']:.1f} %")
    print(f"Report:   {unquote(urlsplit(outputs['report']['location']).path)}")


if __name__ == "__main__":
    main()
