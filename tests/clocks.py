"""A clock that tests move: a second of theirs takes no time."""


class Clock:
    """Returns its time, which moves by `step` at each reading, and where a test says so."""

    def __init__(self, step: float = 0.0):
        self.time, self.step = 100.0, step

    def __call__(self) -> float:
        self.time += self.step
        return self.time
