"""genus list: prints the catalogue, without importing any recipe."""

import json
import sys
from dataclasses import asdict

from .. import recipes
from .arguments.own import entry_of, known
from .errors import OK
from .parser import Parser


def run(words: list[str]) -> int:
    """Prints the catalogue."""
    parser = Parser(prog="genus list", description="Every recipe, family by family.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="RECIPE",
        help="name of a recipe, or package.module:recipe of your own (default: all of genus)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    taken = parser.read(words)
    for name in taken.names:
        known(name)
    entries = [entry_of(name) for name in taken.names] or recipes.catalogue()
    if taken.json:
        print(json.dumps([asdict(entry) for entry in entries], indent=2))
        return OK
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    with console.capture() as page:  # written by rich itself, a closed pipe would be a failure
        family = None
        for entry in entries:
            if entry.family != family:
                console.print(f"\n[bold]{entry.family or 'others'}[/bold]")
                family = entry.family
            console.print(f"  [bold cyan]{entry.name}[/bold cyan]  {escape(entry.aim)}")
            lines = [
                entry.measured and f"measured: {entry.measured}",
                entry.data and f"data: {entry.data}",
                entry.promises and f"can: {', '.join(entry.promises)}",
                entry.source,
            ]
            for line in filter(None, lines):
                console.print(f"      [dim]{escape(line)}[/dim]")
    print(page.get(), end="")
    return OK
