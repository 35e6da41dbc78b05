"""Previews: samples by the clock, which change nothing of a run."""

import json
import random

import pytest
import torch
from clocks import Clock
from games import Blob, Duel
from laws import rows_for

from genus.core import Reals
from genus.media import picture as samples
from genus.train import artifact
from genus.train.fit import fit
from genus.train.keeping.state import kept
from genus.train.run import Run
from genus.train.showing.previews import Previews


class Normalised(Blob):
    """Has all that a preview could disturb: a buffer, a part in a mode of its own, noise."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)
        self.frozen = torch.nn.Dropout(0.5)
        self.register_buffer("drawn", torch.zeros(()))

    def loss(self, x):
        self.frozen.eval()
        return super().loss(self.norm(x) + 0.1 * torch.randn_like(x))

    def sample(self, n):
        self.drawn += 1
        random.random()
        return super().sample(n)


class Fitted(Blob):
    """Is seeded once, not in each round."""

    def fit(self, x):
        for _ in range(40):
            with torch.no_grad():
                self.mean.add_(torch.randn(2))
            yield {"chance": torch.rand(())}


@pytest.mark.parametrize(
    ("kind", "ema"), [(Normalised, None), (Normalised, 0.9), (Duel, 0.9), (Fitted, None)]
)
def test_a_run_with_previews_is_the_run_without(tmp_path, kind, ema):
    def end(name, step):
        torch.manual_seed(1)
        random.seed(1)
        model, scored, looks = kind(), [], []
        run = Run(rounds=40, log_every=5, evaluate_every=15, ema=ema, out=tmp_path / name)

        class Evaluate:
            def __call__(self, model):
                scored.append(torch.rand(()).item())
                return {"figure": scored[-1]}

            def examine(self, model, data):
                looks.append(model.training)
                return {"game/looks": float(len(looks))}

            def verdict(self, lines):
                return ""

        def picture(model, path, n=None):
            assert not model.training
            path.write_text(f"{model.sample(n or 64).sum()}")

        result = fit(model, rows_for(kind()), run, evaluate=Evaluate(), picture=picture,
                     clock=Clock(step))  # fmt: skip
        log = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        lines = [{k: v for k, v in json.loads(x).items() if k != "seconds"} for x in log]
        best = artifact.read_weights(tmp_path / name / "best" / "model.safetensors")
        state = kept(tmp_path / name / "state.pt", torch.device("cpu")).state
        del state["seconds"]
        weights = {
            k: artifact.digest(v) for k, v in state.items() if k in ("model", "average") and v
        }
        pictures = len(list((tmp_path / name / "samples").iterdir()))
        return (artifact.digest(result.state_dict()), lines, artifact.digest(best), weights, looks,
                random.random()), pictures  # fmt: skip

    (plain, few), (watched, many) = end("plain", 0.0), end("watched", 1.0)
    assert few == 3
    assert many >= 6
    assert plain == watched


def test_they_come_when_the_time_has_doubled(tmp_path):
    clock, at = Clock(), []

    class Slow(Blob):
        def loss(self, x):
            clock.time += 1
            return super().loss(x)

    run = Run(rounds=100, evaluate_every=10**6, out=tmp_path / "x", device="cpu")
    fit(Slow(), rows_for(Blob()), run, clock=clock,
        picture=lambda model, path: at.append(int(path.stem)))  # fmt: skip
    assert at == [5, 10, 20, 40, 80, 100]  # and at the end


def timed_picture(clock, each, calls):
    def picture(model, path, n=None):
        calls.append(n)
        clock.time += each * (n or 64)

    return picture


def test_a_slow_model_draws_fewer(tmp_path):
    clock, calls = Clock(), []
    previews = Previews(timed_picture(clock, 0.2, calls), clock)
    clock.time += 5
    assert previews.due()
    assert not previews.due()
    previews.draw(Blob(), tmp_path, previews.allowed())
    assert calls == [1, 8]  # 64 would take 12.8 s
    assert [previews.cost(x) for x in (0.1, 1, 5, 20)] == pytest.approx([0.1, 0.2, 1.6, 12.8])
    clock.time += 5
    assert previews.due()
    previews.draw(Blob(), tmp_path, previews.allowed())
    assert calls == [1, 8, 8]
    clock.time += 200
    assert previews.due()
    previews.draw(Blob(), tmp_path, previews.allowed())
    assert calls == [1, 8, 8, None]


def test_the_first_comes_at_any_price_and_dear_ones_wait(tmp_path):
    clock, calls = Clock(), []
    previews = Previews(timed_picture(clock, 9.0, calls), clock)
    clock.time += 5
    assert previews.due()
    previews.draw(Blob(), tmp_path, previews.allowed())
    assert calls == [1]
    clock.time += 10
    assert not previews.due()  # at 24 s, 9 s are too many
    clock.time += 100
    assert previews.due()


def test_a_picture_without_a_count_is_drawn_whole(tmp_path):
    clock, calls = Clock(), []

    def picture(model, path):
        calls.append(path)
        clock.time += 3

    previews = Previews(picture, clock, total=120)
    previews.draw(Blob(), tmp_path, 1.0)
    assert calls == [tmp_path]
    assert previews.cost(12.0) == 3


def test_samples_of_ours_take_a_count(tmp_path):
    model = Blob()
    previews = Previews(samples, Clock())
    assert len(previews.sizes) == 3
    previews.draw(model, tmp_path / "x.png", 100.0)
    assert (tmp_path / "x.png").exists()
    assert model.space == Reals((2,))
