"""The parser of every command: it complains in one sentence."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from .errors import Mistake, nearest


class Parser(argparse.ArgumentParser):
    """Complains by raising, in one sentence, and proposes the nearest option."""

    def error(self, message: str) -> NoReturn:
        raise Mistake(f"{self.prog}: {message}")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        taken, left = self.parse_known_args(words)
        if left:
            options = [name for action in self._actions for name in action.option_strings]
            option = left[0].partition("=")[0]
            if option.startswith("-"):
                hint = nearest(option, options)
                self.error(f"there is no option {option}{hint}")
            self.error(f"does not know what to do with {' '.join(left)}")
        return taken
