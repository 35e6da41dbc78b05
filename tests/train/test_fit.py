"""fit: what it promises about time, state, logs, and what it refuses."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from games import Blob, Duel
from laws import Rows, rows_for

from genus.core import Bits, Classes, Reals
from genus.core.seeds import mix
from genus.data.sources import Note
from genus.train import artifact
from genus.train.fit import adam, fit
from genus.train.keeping.state import keep, kept
from genus.train.run import Run


@pytest.fixture
def data():
    return Rows(Reals((2,)), None, (torch.randn(512, 2) * 0.5 + 3,))


def test_fit_learns_and_returns_the_average(data):
    model = Blob()
    average = fit(model, data, Run(rounds=400, lr=0.05, ema=0.9, device="cpu"))
    assert average is not model
    assert (average.mean - 3).abs().max() < 0.1
    assert (model.mean - 3).abs().max() < 0.15
    assert not average.training


def test_looking_more_often_is_still_the_same_run(data, tmp_path):
    def end(**options):
        torch.manual_seed(1)
        return artifact.digest(
            fit(Duel(), rows_for(Duel()), Run(rounds=30, device="cpu", **options)).state_dict()
        )

    plain = end()
    assert plain == end(log_every=1, evaluate_every=2, checkpoint_every=3, out=tmp_path / "a")
    torch.randn(7)
    assert plain == end()


def test_rounds_are_seeded_by_their_number():
    seen = []

    class Noisy(Blob):
        def loss(self, x):
            seen.append(torch.rand(1).item())
            return super().loss(x)

    data = Rows(Reals((2,)), None, (torch.randn(64, 2),))
    fit(Noisy(), data, Run(rounds=5, batch=8, seed=3, device="cpu"))
    want = []
    for number in range(5):
        torch.manual_seed(mix(3, number, 0))
        want.append(torch.rand(1).item())
    assert seen == want
    assert len(set(seen)) == 5


def test_schedule_is_a_function_of_the_share_behind(data):
    rates = []

    class Watching(torch.optim.SGD):
        def step(self, *a):
            rates.append(self.param_groups[0]["lr"])

    fit(
        Blob(),
        data,
        Run(rounds=4, device="cpu"),
        optimizers=lambda name, p: Watching(p, lr=2.0),
        schedule=lambda t: 1 - t,
    )
    assert rates == pytest.approx([2.0, 1.5, 1.0, 0.5])


def test_adam_is_corrected_for_lazy_steps_and_knows_two_time_scales():
    """k + 1 steps at the corrected rate and decays do what k did: c = k / (k + 1)."""
    weight = [torch.nn.Parameter(torch.zeros(1))]
    make = adam({"critic": 4e-4, "generator": 1e-4}, (0.5, 0.99), lazy={"critic": 16})
    group = make("critic", weight).param_groups[0]
    assert group["lr"] == pytest.approx(4e-4 * 16 / 17)
    assert [b**17 for b in group["betas"]] == pytest.approx([0.5**16, 0.99**16])
    group = make("generator", weight).param_groups[0]
    assert (group["lr"], group["betas"]) == (1e-4, (0.5, 0.99))


def test_minutes_end_a_run(data):
    model = Blob()
    fit(model, data, Run(minutes=0.005, device="cpu"))
    assert (model.mean != 0).all()


def test_the_log_has_means_and_figures(data, tmp_path):
    fit(
        Blob(),
        data,
        Run(rounds=25, log_every=10, evaluate_every=10, out=tmp_path / "run", device="cpu"),
        evaluate=lambda model: {"gap": (model.mean - 3).abs().mean().item()},
        picture=lambda model, path: path.write_bytes(b"picture"),
    )
    lines = [json.loads(x) for x in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [(x["event"], x["round"]) for x in lines] == [
        ("losses", 10),
        ("figures", 10),
        ("losses", 20),
        ("figures", 20),
        ("losses", 25),
        ("figures", 25),
    ]
    assert lines[0]["model/nll"] > lines[-2]["model/nll"]
    assert sorted(x.name for x in (tmp_path / "run" / "samples").iterdir()) == [
        "00000010.png",
        "00000020.png",
        "00000025.png",
    ]
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["training"]["rounds"] == 25
    assert config["data"]["fingerprint"] == "rows"
    assert config["metrics"]["gap"] == lines[-1]["gap"]


def test_best_is_the_lowest_first_figure(data, tmp_path):
    figures = iter([3.0, 1.0, 2.0])
    kept = {}

    def evaluate(model):
        figure = next(figures)
        kept[figure] = artifact.digest(model.state_dict())
        return {"nats": figure, "other": -figure}

    run = Run(rounds=30, evaluate_every=10, out=tmp_path / "run", device="cpu")
    fit(Blob(), data, run, evaluate=evaluate)
    best = artifact.load(tmp_path / "run" / "best", allow=["games.Blob"])
    assert artifact.digest(best.state_dict()) == kept[1.0]


def test_not_finite_names_player_round_and_term(data, tmp_path):
    class Bursts(Duel):
        def generator_loss(self, real, fake):
            terms = super().generator_loss(real, fake)
            self.turns = getattr(self, "turns", 0) + 1
            return terms | {"extra": fake.mean() * (float("nan") if self.turns > 3 else 0.0)}

    model = Bursts(rounds=2)
    with pytest.raises(
        FloatingPointError, match="round 6 the term 'extra' of the player 'generator' is nan"
    ):
        fit(
            model,
            rows_for(Duel()),
            Run(rounds=20, out=tmp_path / "x", device="cpu", checkpoint_every=2),
        )
    state = kept(tmp_path / "x" / "state.pt", torch.device("cpu")).state
    assert state["number"] == 6
    assert all(v.isfinite().all() for v in state["model"].values())


class Stops(Blob):
    """Gets a signal in the middle of its eighth round."""

    def __init__(self, number=signal.SIGINT):
        super().__init__()
        self.number = number

    def loss(self, x):
        self.turns = getattr(self, "turns", 0) + 1
        if self.turns == 8:
            signal.raise_signal(self.number)
        return super().loss(x)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_kept_to_the_end_of_its_round(data, tmp_path, number):
    handler = signal.getsignal(number)
    run = Run(rounds=20, out=tmp_path / "x", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        fit(Stops(number), data, run)
    assert signal.getsignal(number) is handler
    assert kept(tmp_path / "x" / "state.pt", torch.device("cpu")).state["number"] == 8


@pytest.mark.parametrize("ema", [None, 0.9])
def test_an_interrupt_carries_the_model(data, ema):
    """As it is after whole rounds, averaged if the run keeps an average, in evaluation mode."""
    model = Stops()
    with pytest.raises(KeyboardInterrupt) as stop:
        fit(model, data, Run(rounds=20, ema=ema, device="cpu"))
    kept = stop.value.model
    assert (kept is model) == (ema is None)
    assert not kept.training
    assert not model.training
    whole = fit(Blob(), data, Run(rounds=8, ema=ema, device="cpu"))
    assert artifact.digest(kept.state_dict()) == artifact.digest(whole.state_dict())


@pytest.mark.parametrize("during", ["evaluate", "picture"])
def test_an_interrupt_does_not_wait_for_an_evaluation(data, tmp_path, during):
    def stop(*given):
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it waited")

    run = Run(rounds=20, evaluate_every=5, out=tmp_path / "x", device="cpu")
    with pytest.raises(KeyboardInterrupt) as error:
        fit(Blob(), data, run, **{during: stop})
    assert error.value.model is not None
    assert kept(tmp_path / "x" / "state.pt", torch.device("cpu")).state["number"] == 5
    whole = fit(Blob(), data, replace(run, out=tmp_path / "y"))
    resumed = fit(Blob(), data, replace(run, resume=True))
    assert artifact.digest(resumed.state_dict()) == artifact.digest(whole.state_dict())


def test_a_second_interrupt_does_not_wait(data, tmp_path):
    class Hangs(Blob):
        def loss(self, x):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("it waited")

    with pytest.raises(KeyboardInterrupt):
        fit(Hangs(), data, Run(rounds=20, out=tmp_path / "x", device="cpu"))
    assert kept(tmp_path / "x" / "state.pt", torch.device("cpu")).state["number"] == 0


def test_resume_forgets_the_log_after_the_checkpoint(data, tmp_path):
    run = Run(rounds=20, log_every=5, out=tmp_path / "x", device="cpu")
    fit(Blob(), data, run)
    with (tmp_path / "x" / "metrics.jsonl").open("a") as file:
        file.write('{"event": "losses", "round": 25, "model/nll": 1}\n{"event": "los')
    fit(Blob(), data, replace(run, rounds=30, resume=True))
    lines = [json.loads(x) for x in (tmp_path / "x" / "metrics.jsonl").read_text().splitlines()]
    assert [x["round"] for x in lines] == [5, 10, 15, 20, 25, 30]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"seed": 1}, "seed"), ({"batch": 64}, "batch"), ({"ema": 0.5}, "ema")],
)
def test_resuming_another_run_is_refused(data, tmp_path, change, word):
    run = Run(rounds=3, out=tmp_path / "x", device="cpu")
    fit(Blob(), data, run)
    with pytest.raises(ValueError, match=f"had another {word}"):
        fit(Blob(), data, replace(run, resume=True, **change))


def test_other_data_or_another_model_are_refused(data, tmp_path):
    run = Run(rounds=3, out=tmp_path / "x", device="cpu")
    fit(Blob(), data, run)
    with pytest.raises(ValueError, match="had another data"):
        fit(Blob(), replace(data, fingerprint="other"), replace(run, resume=True))
    four = Rows(Reals((4,)), None, (torch.randn(64, 4),))
    with pytest.raises(ValueError, match="had another model"):
        fit(Blob(4), four, replace(run, resume=True))


def test_a_folder_in_use_is_refused(data, tmp_path):
    run = Run(rounds=3, out=tmp_path / "x", device="cpu")
    fit(Blob(), data, run)
    with pytest.raises(ValueError, match="holds a run already; resume it, or name another"):
        fit(Blob(), data, run)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; out must be a folder"):
        fit(Blob(), data, replace(run, out=tmp_path / "file"))
    assert not [*tmp_path.glob("x/.lock")]


def test_a_resumed_run_that_is_not_there_begins(data, tmp_path):
    run = Run(rounds=3, out=tmp_path / "new" / "x", device="cpu")
    with pytest.warns(Note, match=r"there is no run in .*x yet: it begins"):
        fit(Blob(), data, replace(run, resume=True))
    whole = fit(Blob(), data, replace(run, out=tmp_path / "y"))
    assert artifact.weights_hash(run.out) == artifact.weights_hash(tmp_path / "y")
    (run.out / "state.pt").unlink()  # the model was passed on without it
    with pytest.raises(ValueError, match=r"holds a model without its state\.pt"):
        fit(Blob(), data, replace(run, resume=True))
    assert whole.training is False


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more", None])
def test_a_damaged_state_is_refused(data, tmp_path, damage):
    run = Run(rounds=3, out=tmp_path / "x", device="cpu")
    fit(Blob(), data, run)
    state = tmp_path / "x" / "state.pt"
    state.write_bytes(state.read_bytes()[:-40] if damage is None else damage)
    with pytest.raises(ValueError, match=r"state\.pt is damaged"):
        fit(Blob(), data, replace(run, resume=True))


def test_a_state_that_runs_code_is_refused(data, tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    run = Run(rounds=3, out=tmp_path / "x", device="cpu")
    fit(Blob(), data, run)
    keep(tmp_path / "x", {}, {"model": Evil()})
    with pytest.raises(ValueError, match="is damaged"):
        fit(Blob(), data, replace(run, resume=True))
    assert not (tmp_path / "executed").exists()


def test_a_pair_that_does_not_match_is_refused(data):
    with pytest.raises(
        ValueError, match=r"Blob is made for Reals\(shape=\(4,\)\), the data are Reals"
    ):
        fit(Blob(4), data, Run(rounds=1))
    bits = Rows(Bits((2,)), None, (torch.ones(4, 2),))
    with pytest.raises(ValueError, match="the data are Bits"):
        fit(Blob(), bits, Run(rounds=1))
    labelled = replace(data, context_space=Classes(3))
    with pytest.raises(ValueError, match="takes None as context, the data give Classes"):
        fit(Blob(), labelled, Run(rounds=1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "neither rounds nor minutes"),
        ({"rounds": -1}, "rounds is -1; it cannot be negative"),
        ({"rounds": 1, "batch": 0}, "batch is 0; at least 1"),
        ({"rounds": 1, "resume": True}, "resume needs out"),
    ],
)
def test_runs_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Run(**options)


def test_the_folder_of_a_run_may_be_a_string(tmp_path):
    assert Run(rounds=1, out=str(tmp_path)).out == tmp_path


@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
def test_autocast_is_for_devices_that_have_bfloat16(data, monkeypatch, capsys, capability):
    seen = []

    class Seen(Blob):
        def loss(self, x):
            seen.append((x @ x.T).dtype)
            return super().loss(x)

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    fit(Seen(), data, Run(rounds=1, device="cpu", autocast=True, progress=True))
    lacking = capability == "AVX2"
    assert seen == [torch.float32 if lacking else torch.bfloat16]
    assert ("autocast is left out" in capsys.readouterr().err) == lacking


def test_an_unknown_device_is_named(data):
    with pytest.raises(ValueError, match="device 'gpu'"):
        fit(Blob(), data, Run(rounds=1, device="gpu"))


def test_a_learner_without_a_game_is_fitted(tmp_path):
    class Counts(Blob):
        def fit(self, x):
            for _ in range(3):
                with torch.no_grad():
                    self.mean.copy_(x.mean(0))
                yield {"nll": -self.log_prob(x).mean().detach()}

    data = Rows(Reals((2,)), None, (torch.randn(64, 2) + 5,))
    model = fit(Counts(), data, Run(rounds=10, out=tmp_path / "x", device="cpu"))
    torch.testing.assert_close(model.mean.data, data.rows[0].mean(0))
    assert json.loads((tmp_path / "x" / "config.json").read_text())["training"]["rounds"] == 3
    with pytest.raises(ValueError, match=r"ema is 0\.9, but Counts is fitted to all data at once"):
        fit(Counts(), data, Run(rounds=1, ema=0.9))


def test_adam_takes_its_rate():
    (group,) = adam(0.3, (0.5, 0.9))("critic", list(Blob().parameters())).param_groups
    assert (group["lr"], group["betas"]) == (0.3, (0.5, 0.9))
