"""How questions in plain words are answered without a model: each file of `tests/evals`, and the risk-coverage curve.

Plans are graded, not figures: a plan is right where its typed form is one of those that the file expects, or where it
asks back or refuses rightly. Risk is the part of answered questions that are answered wrongly, coverage that of all
that are answered, in the order of the planner's confidence. Exit code 1 where a bar is missed.

    python benchmarks/questions.py [--sentences MODEL]

With MODEL, a folder with all-MiniLM-L6-v2, what is not understood is offered the figures that it is likely about.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from graded_questions import FOLDER, cases, graded

from tenantry.runtime.asking.likely import Likely
from tenantry.runtime.asking.plans import Answerable, Conversation, Guess

_RIGHT = ("answered", "asked", "refused")
_MISSED = ("wrong answer", "wrong ask", "wrong refusal")


def grades(name: str, likely: Guess | None) -> list[tuple[str, float]]:
    """The grade of each question of a file, and how sure the planner was."""
    found: list[tuple[str, float]] = []
    talk = Conversation()
    for case in cases(name):
        grade, plan, talk = graded(case, talk, likely)
        found.append((grade, plan.confidence if isinstance(plan, Answerable) else 0.0))
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sentences", type=Path)
    folder = arguments.parse_args().sentences
    likely = Likely(folder).figures if folder else None
    files = sorted(path.name for path in FOLDER.glob("*.txt") if path.name != "tenants.txt")
    every: list[tuple[str, float]] = []
    print(f"| file | {' | '.join([*_RIGHT, *_MISSED])} | right |\n|---{'|---:' * 7}|")
    for name in files:
        some = grades(name, likely)
        every += some
        print(_row(name, some))
    print(_row("all", every))
    missed = Counter(grade for grade, _ in every)
    answered = sorted(((-sure, grade) for grade, sure in every if grade in {"answered", "wrong answer"}))
    print("\n| confidence at least | coverage | risk |\n|---:|---:|---:|")
    for sure in sorted({sure for sure, _ in answered}):
        kept = [grade for one, grade in answered if one <= sure]
        risk = sum(grade != "answered" for grade in kept) / len(kept)
        print(f"| {-sure:.1f} | {100 * len(kept) / len(every):.1f} % | {100 * risk:.1f} % |")
    precision = missed["refused"] / max(1, missed["refused"] + missed["wrong refusal"])
    print(f"\nprecision of refusals: {precision:.3f}")
    right = sum(missed[grade] for grade in _RIGHT) / len(every)
    return int(right < 0.9 or bool(missed["wrong answer"]) or precision < 0.95)


def _row(name: str, some: list[tuple[str, float]]) -> str:
    counted = Counter(grade for grade, _ in some)
    right = 100 * sum(counted[grade] for grade in _RIGHT) / len(some)
    return f"| {name} | {' | '.join(str(counted[grade]) for grade in (*_RIGHT, *_MISSED))} | {right:.1f} % |"


if __name__ == "__main__":
    sys.exit(main())
