"""A hidden chain that switches between two dice: what can be told from the throws alone.

A casino changes between a fair die and a loaded one, and keeps each for a while. From the throws the
posterior says how likely each die is at each throw, given all throws; Viterbi's path is the one sequence of
dice that is likeliest as a whole. A model that learns from throws alone finds the dice, and the casino's
habit, but for their names.

Source: Durbin, Eddy, Krogh, Mitchison, "Biological sequence analysis", 1998, section 3.2, whose casino it is;
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77, 1989.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...core import Tokens
from ...density import HiddenMarkov
from ...media.style import canvas
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAIR = [1 / 6] * 6
LOADED = [0.1] * 5 + [0.5]
STARTS = 5  # from which the best is learnt
WHY = (
    "A single six says little; a run of them says a lot, and the posterior weighs both the throws and the "
    "habit of the casino. Viterbi's path switches less than the dice do, for a short visit to the other die "
    "costs more than it explains. To learn the dice from the throws, Baum and Welch weigh each throw by the "
    "posterior of the model so far, which never lowers the likelihood, and may end at a lesser peak: so it is "
    "begun several times."
)
FORMULA = """\
p(x, z) = π(z₁) ∏ A(z_t₋₁, z_t) b(x_t | z_t)
posterior   P(z_t | x), by sums over all paths before and after t
Viterbi     the path z of the largest p(x, z)
Baum-Welch  A and b from expected counts under the posterior"""


def casino(steps: int, stays: float) -> HiddenMarkov:
    """The chain that throws: state 0 is the fair die, and state 1 the loaded one."""
    model = HiddenMarkov(Tokens(6, steps), 2).double()
    with torch.no_grad():
        model.starts.copy_(torch.tensor([0.5, 0.5]).log())
        model.moves.copy_(torch.tensor([[stays, 1 - stays], [1 - stays, stays]]).log())
        model.emissions.logits.copy_(torch.tensor([FAIR, LOADED]).log())  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
    return model


def thrown(model: HiddenMarkov, stays: float, rows: int) -> tuple[Tensor, Tensor]:
    """Throws, and the dice that made them, (rows, steps) each."""
    steps = model.space.shape[0]
    changed = torch.rand(rows, steps) > stays
    changed[:, 0] = torch.rand(rows) > 0.5
    dice = changed.long().cumsum(1) % 2
    chances = torch.tensor([FAIR, LOADED])[dice.flatten()]
    return chances.multinomial(1).view(rows, steps), dice


def learnt(throws: Tensor) -> HiddenMarkov:
    """The best of some chains that Baum-Welch has found from throws."""
    found = []
    for start in range(STARTS):
        torch.default_generator.manual_seed(start)
        model = HiddenMarkov(Tokens(6, throws.shape[1]), 2, smoothing=0.0, tolerance=1e-3).double()
        for _ in model.fit(throws):
            pass
        found.append((float(model.log_prob(throws).mean().detach()), model))
    return max(found, key=lambda one: one[0])[1]


def hmm(steps: int = 300, stays: float = 0.95, rows: int = 40, seed: int = 0) -> Outcome:
    """Tells the dice of a casino from its throws, with its habit known, and with all learnt.

    Args:
        steps: number of throws of a sequence, at least 50.
        stays: chance that the casino keeps a die for another throw, from 0.6 to 0.995.
        rows: number of sequences that it is learnt from, at least 5.
        seed: random seed.
    """
    wanted(steps >= 50, "hmm", "steps", steps, "at least 50")
    wanted(0.6 <= stays <= 0.995, "hmm", "stays", stays, "a number from 0.6 to 0.995")
    wanted(rows >= 5, "hmm", "rows", rows, "at least 5")
    torch.default_generator.manual_seed(seed)
    true = casino(steps, stays)
    throws, dice = thrown(true, stays, 1 + rows)
    own = learnt(throws[1:])
    emitted = own.emissions.logits.detach().softmax(1)  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
    order = [1, 0] if emitted[0, 5] > emitted[1, 5] else [0, 1]
    posterior = true.posterior(throws[:1])[0, :, 1]
    path = true.viterbi(throws[:1])[0]
    guessed = own.posterior(throws[:1])[0][:, order][:, 1]
    right = [float((x == dice[0]).double().mean()) for x in (posterior > 0.5, path, guessed > 0.5)]
    sixes = float((throws[0] == 5).eq(dice[0] == 1).double().mean())
    switches = [int((x.diff() != 0).sum()) for x in (dice[0], path)]
    chain = own.moves.detach().softmax(1)[order][:, order]
    emitted = emitted[order]
    sentence = (
        f"Of {steps} throws the posterior names the right die of {short(100 * right[0])} %, Viterbi's path of "
        f"{short(100 * right[1])} %, and the rule that each six is of the loaded die of {short(100 * sixes)} %. "
        f"The dice changed {switches[0]} times, and Viterbi's path does {switches[1]} times. Learnt from {rows} "
        f"sequences of throws alone, the loaded die shows a six with chance {short(float(emitted[1, 5]))}, in "
        f"truth 0.5, and is kept with chance {short(float(chain[1, 1]))}, in truth {short(stays)}; by it, "
        f"{short(100 * right[2])} % are named right."
    )
    table = [
        ("posterior, casino known", f"{100 * right[0]:.1f} %"),
        ("Viterbi, casino known", f"{100 * right[1]:.1f} %"),
        ("posterior, casino learnt", f"{100 * right[2]:.1f} %"),
        ("each six is of the loaded die", f"{100 * sixes:.1f} %"),
    ]
    return Outcome(
        "hmm",
        "Which die was it? A hidden chain from its throws",
        sentence,
        WHY,
        FORMULA,
        "Durbin and others 1998, Biological sequence analysis, section 3.2; Rabiner 1989",
        ("told by", "dice named right"),
        table,
        {
            "throws": throws[0].numpy() + 1,
            "dice": dice[0].numpy(),
            "posterior": posterior.numpy(),
            "viterbi": path.numpy(),
            "learnt": guessed.numpy(),
            "learnt/dice": emitted.numpy(),
            "learnt/moves": chain.numpy(),
        },
        {"steps": steps, "stays": stays, "rows": rows, "seed": seed},
    )


def plot(outcome: Outcome) -> "Figure":
    """The throws, the posterior with Viterbi's path, and the dice that were learnt."""
    arrays = outcome.arrays
    figure = canvas(9.6, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=(2.4, 1))
    steps = np.arange(len(arrays["dice"]))
    left.fill_between(
        steps, arrays["dice"], step="mid", color="C7", alpha=0.3, lw=0, label="the loaded die"
    )
    left.plot(steps, arrays["posterior"], color="C0", lw=1, label="posterior, casino known")
    left.plot(steps, arrays["learnt"], color="C1", lw=1, ls="--", label="posterior, casino learnt")
    left.plot(steps, 1.06 + 0.06 * arrays["viterbi"], color="C2", lw=1.5, label="Viterbi's path")
    six = steps[arrays["throws"] == 6]
    left.plot(six, np.full(len(six), -0.06), "|", color="C3", ms=5, label="a six")
    left.set(xlabel="throw", ylabel="chance of the loaded die", ylim=(-0.12, 1.5))
    left.legend(loc="upper center", ncols=3, fontsize=7)
    faces = np.arange(1, 7)
    for k, name in enumerate(("fair", "loaded")):
        right.bar(
            faces + 0.4 * (k - 0.5), arrays["learnt/dice"][k], 0.38, color=f"C{k}", label=name
        )
        truth = (FAIR, LOADED)[k]
        right.plot(faces + 0.4 * (k - 0.5), truth, "_", color="C7", ms=10)
    right.set(xlabel="face", title="the dice learnt, and the true chances (bars)")
    right.legend(loc="upper left", fontsize=7)
    return figure
