"""fit: plays a game with a time limit, a log, averaged weights and checkpoints.

A round is a pure function of the weights before it, the seed and its own number: batches, noise and
learning rates depend on the number alone. So a killed run continues bit for bit as if it had not
been stopped, and more frequent evaluation does not change a run.

    config.json  model.safetensors  ema.safetensors  README.md     the model so far: an artifact
    state.pt         everything that a resumed run needs, plain types only, replaced as one file
    states/          those before it, if the run keeps several
    metrics.jsonl    one line for each record: losses, rates, figures
    samples/         pictures, if a `picture` function is given: after each evaluation, and by the clock
    best/            the artifact with the lowest first figure, if an `evaluate` function is given
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..core import HasFit, Losses, Model, Refused, promise
from ..core.parts import has_bfloat16, undisturbed
from ..core.seeds import mix, seed
from . import artifact
from .best import Best, overfits
from .budget import Budget
from .game import Average, MakesOptimizers, adam, compiled_rounds
from .given import Given, prepared
from .keeping.checkpoints import IDENTITY, Checkpoints, Position
from .keeping.folder import RunFolder
from .log import Log
from .note import noted
from .process import Interrupted, Patience, begin, use_threads
from .ranks import any_of, ranks, said_by_first
from .rounds.plain import Rounds, own_optimizers
from .run import Batches, Evaluate, Examiner, Figures, Run, announced, examined, match
from .showing.previews import Picture, Previews
from .showing.profile import tell
from .showing.progress import Display

if TYPE_CHECKING:
    from .rounds.compiled import CompiledRounds

LOG = "metrics.jsonl"


def fit(
    model: Model,
    data: Batches | Given,
    run: Run | None = None,
    *,
    optimizers: MakesOptimizers | None = None,
    schedule: Callable[[float], float] | None = None,
    evaluate: Evaluate | None = None,
    picture: Picture | None = None,
    clock: Callable[[], float] | None = None,
) -> Model:
    """Trains the model in place. Returns it, or its averaged copy if the run keeps one.

    All are left in evaluation mode, also by Ctrl-C, which ends the run after a whole round.

    A model that learns in closed form or by EM (`fit`) gets all data, a step of it in each round.

    Args:
        data: split or data of genus; a tensor or an array of the model's space, or (x, label) of them;
            a Dataset or a DataLoader of PyTorch, of x, (x, label) or dicts of both. Labels are left
            out where the model takes no context.
        run: length, folder, device and others; by default a minute, and nothing is written.
        optimizers: function that returns a player's optimiser, from its name and parameters.
        schedule: factor on every learning rate, a function of the completed share of the run,
            from 0 to 1.
        evaluate: function that returns figures of the model (the averaged one, if any); the lowest
            first figure decides which checkpoint is `best`.
        picture: function that writes samples of the model into a file, fewer of a slow one if it has
            a parameter `n`; by default, `genus.show` draws them in a notebook.
        clock: function that returns the time in seconds; by default the one that the run names.

    Raises:
        Refused: model and data do not match, or the folder is in use, or had other settings.
        FloatingPointError: a loss, a weight or a moment is not finite; names the player, the round and
            the term. What was written before stays.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; a KeyboardInterrupt with `model`, as it would be returned.
    """
    rows, run = prepared(model, data, run)
    return _Session(model, rows, run, optimizers, schedule, evaluate, picture, clock).go()


class _Session:
    """One call of `fit`."""

    def __init__(
        self,
        model: Model,
        data: Batches,
        run: Run,
        optimizers: MakesOptimizers | None,
        schedule: Callable[[float], float] | None,
        evaluate: Evaluate | None,
        picture: Picture | None,
        clock: Callable[[], float] | None,
    ):
        match(model, data, run)
        self.device = begin(run.device)
        self.rank, self.world = ranks()
        if run.batch % self.world:
            raise Refused(f"fit: {self.world} ranks must divide a batch of {run.batch} rows")
        self.model, self.data, self.run = model.to(self.device).train(), data, run
        self.schedule, self.evaluate, self.make = schedule, evaluate, optimizers or adam(run.lr)
        players = {} if promise(model, HasFit) else model.players()
        own = own_optimizers(players)
        self.optimizers = {n: self.make(n, p.parameters()) for n, p in players.items() if n in own}
        self.rates = {k: [g["lr"] for g in o.param_groups] for k, o in self.optimizers.items()}
        self.average = None if run.ema is None else Average(model, run.ema)
        self.at, self.best, self.verdict = Position(), Best(run.patience, run.ends_with), ""
        self.stopping = self.worn = False  # by a signal, for want of patience: agreed by all ranks
        self.figures, self.game = Figures(), Figures()
        self.folder = RunFolder(run, self.identity(), schedule is not None)
        self.writes = self.folder.writes
        self.log = Log(self.folder.path / LOG if self.writes else None)
        self.clock, self.patience = clock or run.time, Patience()
        self.budget = Budget(run.minutes, self.clock)
        parts = (self.model, self.average, self.optimizers, self.best, evaluate, self.log)
        self.checkpoints = Checkpoints(self.folder, *parts, self.budget)
        self.display = Display(run.progress and self.rank == 0, run.rounds, run.minutes, self.clock)
        self.picture = self.display.drawing(picture, model)
        self.previews: Previews | None = None
        self.compiled: CompiledRounds | None = None

    def go(self) -> Model:
        before = use_threads(self.run.threads)
        try:
            return self._go()
        finally:
            use_threads(before)
            self.folder.free()

    def _go(self) -> Model:
        self.open_folder()
        tell(self.model, self.data, self.make, self.run, self.device, self.display)
        self.begun = self.clock() - self.at.seconds
        if self.picture is not None and self.rank == 0:
            self.previews = Previews(self.picture, self.clock, self.budget.total)
        try:
            with self.display, self.patience:
                self.display.begin(self.at.number, self.at.seconds)
                self.train()
            self.display.say(self.verdict)
            self.checkpoint()
            self.take_best()
        finally:
            self.model.eval()
            self.result.eval()
        if self.stopping:
            raise Interrupted(self.result)
        return self.result

    @property
    def result(self) -> Model:
        """What is evaluated, drawn and returned: the averaged model, if the run keeps one."""
        return self.average.model if self.average else self.model

    def train(self) -> None:
        late = False
        for terms in self.rounds():
            late = self.after_round(terms)
            if self.stopping or late or self.ended():
                break
        self.log.flush(self.at.number, self.at.seconds)
        self.show(last=True)
        if self.at.number and self.at.looked != self.at.number and not self.stopping:
            self.look()
            self.show(last=True)
        if late:
            self.at.seconds = self.budget.spent(self.clock() - self.begun)

    def rounds(self) -> Iterator[Losses]:
        if self.at.settled or self.ended() or any_of([self.late()])[0]:
            return
        if learner := promise(self.model, HasFit):
            everything = tuple(x.to(self.device) for x in self.data.everything())
            self.seed(self.at.number)
            yield from learner.fit(*everything)
            self.at.settled = True
            return
        if slow := self.run.autocast and not has_bfloat16(self.device):
            self.display.say("autocast is left out: the device has no arithmetic of bfloat16")
        how = (self.run.clip, self.run.accumulate, self.run.autocast and not slow)
        rounds = Rounds(self.model, self.optimizers, *how)
        self.compiled = compiled_rounds(rounds, self.display.say) if self.run.compile else None
        yield from map((self.compiled or rounds).play, count(self.at.number), self.batches())

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Sets the learning rate and the noise of each round, and yields its batch."""
        for number in count(self.at.number):
            if self.schedule is not None:
                factor = self.schedule(self.run.progress_at(number, self.at.seconds))
                for name, optimizer in self.optimizers.items():
                    for group, rate in zip(optimizer.param_groups, self.rates[name], strict=True):
                        group["lr"] = rate * factor
            batch = self.data.batch(number, self.run.batch, self.run.seed)
            if self.world > 1:
                batch = tuple(x.chunk(self.world)[self.rank] for x in batch)
            self.seed(number)
            yield tuple(x.to(self.device, non_blocking=True) for x in batch)

    def seed(self, number: int) -> None:
        """Seeds the noise of a round from the run's seed, the round's number and the rank."""
        seed(mix(self.run.seed, number, self.rank), self.device)

    def ended(self) -> bool:
        """Whether the run has all its rounds, or its patience is over."""
        rounds = self.run.rounds
        return self.worn or (rounds is not None and self.at.number >= rounds)

    def take_best(self) -> None:
        """Ends with the weights of the best evaluation, where the run keeps them and that was not its last."""
        best, number = self.best, self.best.number
        if (weights := said_by_first(None if number == self.at.number else best.weights)) is None:
            return
        self.result.load_state_dict(weights)
        self.figures = best.figures or {}
        if self.writes:
            self.log.record("ended", self.at.number, self.at.seconds, {"best_round": number})
            note = self.note()
            note["training"]["best_round"] = number
            self.checkpoints.save(note)

    def late(self) -> bool:
        """Whether the run's time is over, but for its last evaluation and picture."""
        if (share := self.budget.share()) is None or self.rank:
            return False
        picture = self.previews.cost(share) if self.previews else 0.0
        return self.budget.over(self.at.seconds, picture)

    def after_round(self, terms: Losses) -> bool:
        """What comes after a round; returns whether the time is over. Ranks do the same at the same time."""
        if self.average is not None:
            self.average.update(self.at.number)
        self.log.add(terms)
        self.at.number += 1
        self.at.seconds = self.clock() - self.begun
        wants = self.evaluate is not None and self.budget.wants_evaluation(self.at.seconds)
        first, keeps, late, self.worn, self.stopping = any_of(
            [
                wants and self.rank == 0,
                self.checkpoints.due(),
                self.late(),
                self.best.over(),
                self.patience.stopping,
            ]
        )
        if self.at.number % self.run.log_every == 0:
            self.log.flush(self.at.number, self.at.seconds)
        if first or self.at.number % self.run.evaluate_every == 0:
            self.log.flush(self.at.number, self.at.seconds)
            self.look()
        every = self.run.checkpoint_every
        if keeps or (every is not None and self.at.number % every == 0):
            self.checkpoint()
        self.preview()
        self.show()
        if self.world == 1:  # an evaluation may have taken its time, or have been stopped
            self.stopping, self.worn = self.patience.stopping, self.best.over()
            late = self.late()
        return late

    def show(self, last: bool = False) -> None:
        if self.display.due(last):
            place = (self.at.number, self.at.seconds, self.log.recent())
            self.display.show(*place, self.figures | self.game, self.verdict)

    def look(self) -> None:
        """Evaluates, saves the best model, and plots samples, with the same noise every time."""
        self.at.looked = self.at.number
        draws = self.previews if self.writes or self.display.pictures else None
        if self.rank or not (self.evaluate or draws):
            return
        self.result.eval()
        found, share = None, self.budget.share()
        if self.evaluate is not None:
            with self.patience.between_rounds():
                if self.display.on and "evaluation" not in self.budget.costs:
                    self.display.say(announced(self.evaluate, self.result, self.run))
                self.seed(-1)
                with self.budget.timing("evaluation"):
                    found = examined(self.evaluate, self.result, self.model, self.data, share)
            if found:
                self.judge(self.evaluate, *found)
        over = self.ended() or self.best.over()
        if draws and not self.patience.stopping and (over or draws.worthwhile()):
            self.draw(draws, share)
        self.model.train()

    def judge(self, evaluate: Evaluate, figures: Figures, game: Figures) -> None:
        """Records figures, and saves the model if it is the best so far."""
        self.figures, self.game = figures, game
        self.log.record("figures", self.at.number, self.at.seconds, figures | game)
        if self.best.improves(figures, self.result, self.at.number) and self.writes:
            artifact.save(self.result, self.folder.path / "best", note=self.note())
        told = evaluate.verdict(self.log.lines) if isinstance(evaluate, Examiner) else ""
        self.verdict = told or overfits(self.log.lines, self.best.kept)

    def preview(self) -> None:
        """Draws samples if their time has come, and leaves the run as it is, bit for bit."""
        if self.previews is None or not (self.writes or self.display.pictures):
            return
        if self.previews.due() and not self.patience.stopping:
            with undisturbed(self.model, self.device), undisturbed(self.result, self.device):
                self.result.eval()
                self.draw(self.previews, self.previews.allowed())

    def draw(self, previews: Previews, seconds: float | None) -> None:
        folder = self.folder.path / "samples" if self.writes else self.display.folder()
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.at.number:08d}.png"
        with self.patience.between_rounds():
            self.seed(-1)
            previews.draw(self.result, path, seconds)
            self.display.drew(path)

    def open_folder(self) -> None:
        """Begins the run, or resumes it. What is refused leaves nothing behind."""
        if (found := self.checkpoints.open(self.device)) is None:
            self.checkpoint()  # finds out now whether the folder can be written
            return
        self.at, self.worn = found, self.best.over()
        self.log.resume(self.folder.path / LOG, found.number)

    def identity(self) -> dict[str, Any]:
        """What the run is: its model, its data, and what changes its training."""
        model = artifact.encode(self.model)
        settings = {name: getattr(self.run, name) for name in IDENTITY}
        minutes = self.run.note.get("minutes", self.run.minutes)  # with those of other stages
        return {"model": model, "data": self.data.fingerprint, **settings, "minutes": minutes}

    def note(self) -> dict[str, Any]:
        training = {"rounds": self.at.number, "seconds": round(self.at.seconds, 1)}
        training |= {k: getattr(self.run, k) for k in ("batch", "lr", "seed", "ema")}
        training |= {"compiled": self.compiled.fits} if self.compiled else {}
        changes = {"changes": self.folder.changes} if self.folder.changes else {}
        return (
            {"training": training, "metrics": self.figures} | changes | noted(self.run, self.data)
        )

    def checkpoint(self) -> None:
        self.checkpoints.write(self.at, self.note())
