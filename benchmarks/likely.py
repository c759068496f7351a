"""Learns which figures texts are likely about, from the questions of `tests/evals`, into the package.

    python benchmarks/likely.py MODEL [--without FILE ...]

MODEL is a folder with all-MiniLM-L6-v2. `--without` leaves files out that shall tell how well it does.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from graded_questions import FOLDER, NOW, VOCABULARY, cases

from tenantry.runtime.asking import likely
from tenantry.runtime.asking.lexicon import ROWS
from tenantry.runtime.asking.planner import masked
from tenantry.runtime.asking.sentences import Sentences

PACKAGE = Path(likely.__file__).parent


def examples(without: set[str]) -> dict[str, str]:
    """Questions as sentences, each with the figure that it asks for; none where it can only be refused."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        if path.stem in {"tenants", *without}:
            continue
        for case in cases(path.name):
            forms = [one for one in case.expected if one not in {"asked", "refused"}]
            figure = forms[0].split()[0] if forms else likely.NONE if case.expected == ("refused",) else ""
            if case.begins and figure in {likely.NONE, *ROWS}:
                found[likely.plainly(masked(case.text, VOCABULARY, NOW))] = figure
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--without", nargs="*", default=[])
    given = arguments.parse_args()
    known = examples({*given.without})
    sentences = Sentences(given.model)
    vectors = np.stack([sentences.vector(text) for text in known])
    names = sorted({*known.values()})
    marks = np.array([[one == name for name in names] for one in known.values()], np.float32)
    lines = likely.lines_through(vectors, marks).astype(np.float16)
    target = PACKAGE / likely.LEARNED
    np.savez_compressed(target, names=np.array(names), lines=lines)
    print(f"{len(known)} questions, {len(names)} names, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
