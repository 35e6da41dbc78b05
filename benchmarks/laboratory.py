"""Runs every experiment of the laboratory as it is, and writes docs/laboratory.md and its pictures.

    python benchmarks/laboratory.py [NAME ...] [--check]

One section for each experiment: its picture (docs/pictures/lab_NAME.png), the sentence computed from
its numbers, the table, the formula. With names only their pictures and sections are made anew. With
--check nothing is written, and the exit status says whether sections are there for all experiments.
"""

import argparse
import re
import sys
import time
from datetime import date
from pathlib import Path

import torch

from genus.laboratory import EXPERIMENTS, find
from genus.laboratory.outcome import Outcome
from genus.media.style import png, style

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "laboratory.md"
LARGEST = 150_000  # bytes of a picture
HEAD = """\
# The laboratory

Experiments, each of them a command that takes seconds: `genus lab NAME` writes the picture, the arrays
behind it as JSON, and one self-contained page; `genus lab NAME --help` shows what can be changed.
Everything below, sentences included, was computed by `python benchmarks/laboratory.py`; nothing was
typed.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="of experiments; all of them without any")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    asked = parser.parse_args()
    sections = written()
    if asked.check:
        return int([*sections] != [*EXPERIMENTS])
    for name in asked.names:
        if name not in EXPERIMENTS:
            print(
                f"there is no experiment {name}; there are {', '.join(EXPERIMENTS)}",
                file=sys.stderr,
            )
            return 2
    torch.set_num_threads(1)
    (DOCS / "pictures").mkdir(exist_ok=True)
    for name in asked.names or EXPERIMENTS:
        sections[name] = section(name)
        whole = [sections[known] for known in EXPERIMENTS if known in sections]
        PAGE.write_text("\n".join([HEAD, *whole]))
    return 0


def section(name: str) -> str:
    """Runs one experiment, writes its picture, and says what it shows."""
    begun = time.perf_counter()
    experiment = find(name)
    outcome = experiment.run()
    with style():
        picture = png(experiment.plot(outcome))
    seconds = time.perf_counter() - begun
    if len(picture) > LARGEST:
        raise SystemExit(
            f"{name}: the picture has {len(picture):,} bytes; {LARGEST:,} at most are wanted"
        )
    (DOCS / "pictures" / f"lab_{name}.png").write_bytes(picture)
    print(f"{name}: {seconds:.1f} s, {len(picture) // 1000} kB", flush=True)
    return f"""\
## {name}

**{outcome.title}**

![{outcome.title}](pictures/lab_{name}.png)

{outcome.sentence}

{outcome.why}

```
{outcome.formula}
```

<details><summary>The numbers</summary>

{table(outcome)}

</details>

`genus lab {name}`: {seconds:.0f} s on one thread, torch {torch.__version__.partition("+")[0]}, \
{date.today().isoformat()}. Source: {outcome.source}.
"""


def table(outcome: Outcome) -> str:
    """The outcome's table in Markdown."""
    lines = [outcome.columns, ["---"] * len(outcome.columns), *outcome.rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


def written() -> dict[str, str]:
    """The sections that the page has, by name."""
    if not PAGE.exists():
        return {}
    _, *parts = re.split(r"^(?=## \w+$)", PAGE.read_text(), flags=re.MULTILINE)
    return {part.split()[1]: part.rstrip("\n") + "\n" for part in parts}


if __name__ == "__main__":
    sys.exit(main())
