"""Verdicts: on games that are broken on purpose, on sound ones, and on logs written by hand."""

import json
from collections.abc import Mapping

import broken
import pytest

from genus.adversarial import GAN, InstanceNoise, Views
from genus.core import Reals
from genus.functional.adversarial import Penalty, r1
from genus.measure.diagnosis import describe, diagnose
from genus.measure.findings import Finding
from genus.measure.games.diagnosis import ailments, findings
from genus.measure.remedies import advice
from genus.nn import MLP
from genus.train import artifact

pytestmark = pytest.mark.xdist_group("broken games")  # which are played once
SOUND = {
    "ring_r1": (0, 1),
    "digits_dcgan": (0,),
    "digits_cgan": (0,),
    "digits_infogan": (0,),
}  # seeds of each


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> Mapping[str, list[Finding]]:
    """What is found of each game: they are played once."""
    found = {}
    for name, (game, _) in broken.BROKEN.items():
        broken.run(game, tmp_path_factory.mktemp("broken") / name, 0)
    for name, seeds in SOUND.items():
        for seed in seeds:
            broken.run(broken.SOUND[name], tmp_path_factory.mktemp("sound") / f"{name}{seed}", seed)
    for path in tmp_path_factory.getbasetemp().glob("*/*/metrics.jsonl"):
        if path.parent.parent.name.startswith(("broken", "sound")):
            found[path.parent.name] = diagnose(path.parent)
    return found


@pytest.mark.parametrize("name", broken.BROKEN)
def test_what_was_broken_is_found(verdicts, name):
    wanted = broken.BROKEN[name][1]
    told = {finding.name: finding for finding in verdicts[name]}
    hit = next(finding for title, finding in told.items() if wanted in title)
    assert f"since round {hit.since:,}: " in hit.sentence
    assert "; try " in hit.sentence
    assert hit.severity != "good"


@pytest.mark.parametrize("name", [f"{n}{seed}" for n, seeds in SOUND.items() for seed in seeds])
def test_no_alarm_on_a_sound_game(verdicts, name):
    assert [finding.name for finding in verdicts[name]] == ["healthy"]
    kinds = "10 of 10 classes" if "digits" in name else "8 of 8 modes"
    assert kinds in describe(verdicts[name])


# --- by hand ----------------------------------------------------------------------------------

FINE = {
    "accuracy": 0.6,
    "accuracy_train": 0.62,
    "signal": 0.5,
    "score": 1.0,
    "diversity": 1.0,
    "distance": 0.02,
    "outside": 0.0,
    "memorised": 0.05,
    "moved": 0.1,
    "returned": 0.02,
    "classes": 10.0,
    "classes_real": 10.0,
    "class_right": 0.9,
    "class_right_real": 0.95,
    "class_chance": 0.1,
    "class_diversity": 0.8,
    "code_told": 0.7,
}


def lines(*looks):
    """One line for each look, at rounds 100, 200, ...; each says how it differs from a fine one."""
    return [
        {"event": "figures", "round": 100 * k, "seconds": k, "frechet": 1.0}
        | {f"game/{name}": value for name, value in {**FINE, **look}.items()}
        for k, look in enumerate(looks, 1)
    ]


def names(*looks):
    return [finding.name for finding in findings(lines(*looks))]


WRONG = {
    "vanishing gradient": {"signal": 0.001, "accuracy": 0.99, "accuracy_train": 0.99},
    "total mode collapse": {"classes": 1.0, "diversity": 0.1},
    "mode collapse": {"classes": 4.0},
    "conditional collapse": {"class_diversity": 0.1},
    "labels ignored": {"class_right": 0.2},
    "codes ignored": {"code_told": 0.02},
    "critic overfit": {"accuracy": 0.5, "accuracy_train": 0.95},
    "divergence": {"score": 5000.0},
    "cycling": {"returned": 0.8},
    "weak critic": {"accuracy": 0.52, "accuracy_train": 0.52, "distance": 0.8},
    "memorisation": {"memorised": 0.5},
}


@pytest.mark.parametrize("name", WRONG)
def test_each_kind_alone(name):
    assert names({}, {}, {}, {}) == ["healthy"]
    assert names({}, *[WRONG[name]] * 3) == [name]
    assert findings(lines({}, *[WRONG[name]] * 3))[0].since == 200
    assert names({}, {}, {}, WRONG[name]) == ["healthy"]  # one look is no proof
    assert names(*[WRONG[name]] * 3, {}) == ["healthy"]  # what has passed is not told


def test_kinds_that_are_still_being_found_are_no_collapse():
    assert names({"classes": 3.0}, {"classes": 5.0}, {"classes": 7.0}) == ["healthy"]
    assert names({"classes": 7.0}, {"classes": 5.0}, {"classes": 5.0}) == ["mode collapse"]
    thin = [{"classes": 3.0, "diversity": 0.4}, {"classes": 5.0, "diversity": 0.4}]
    assert names(*thin) == ["mode collapse"]
    assert names({"classes": 1.0}, {"classes": 2.0}) == ["total mode collapse"]


def test_grey_samples_of_an_untrained_game_are_no_copies():
    """They lie in the middle of the data, nearer to every row than rows are to each other."""
    assert names(*[{"memorised": 0.6, "distance": 0.6}] * 3) == ["healthy"]


def test_classes_that_are_still_being_learnt_are_not_ignored():
    """Far from the data, no sample is of any class."""
    assert names(*[{"class_right": 0.2, "distance": 0.4}] * 3) == ["healthy"]
    assert findings(lines({}, *[{"class_diversity": 0.25}] * 3))[0].severity == "warning"
    assert findings(lines({}, *[{"class_diversity": 0.05}] * 3))[0].severity == "failure"
    assert names(*[{"class_diversity": 0.1, "diversity": 0.1}] * 3) == ["total mode collapse"]


def test_the_words():
    said = describe(findings(lines({}, {"classes": 4.0}, {"classes": 4.0})))
    assert said.startswith("mode collapse since round 200: 4 of 10 classes")
    assert said.endswith("try R1 (penalty r1), packing 2 or a smaller learning rate")


def test_what_a_game_has_already_is_not_advised(tmp_path):
    """The advice of a run reads its own options: R1, packing and clip here, a bound and ema there."""
    space = Reals((2,))
    ailing = lines({}, *[{"classes": 4.0}] * 2), lines({}, *[{"score": 5000.0}] * 2)

    def told(model, log, **options):
        out = tmp_path / str(len([*tmp_path.iterdir()]))
        artifact.save(model, out, note={"recipe": {"name": "gan", "options": options}})
        (out / "metrics.jsonl").write_text("\n".join(map(json.dumps, log)))
        return describe(diagnose(out)).partition("; try ")[2]

    plain = GAN(space, MLP(2, 2), MLP(2, 1), latent=2)
    assert told(plain, ailing[0]) == "R1 (penalty r1), packing 2 or a smaller learning rate"
    flat = GAN(space, MLP(2, 2), MLP(4, 1), latent=2, penalties=[Penalty(r1, 0.1)], packing=2)
    assert told(flat, ailing[0]) == "a larger weight of its R1 penalty or a smaller learning rate"
    bound = GAN(space, MLP(2, 2), MLP(2, 1), latent=2, bound=0.1)
    assert told(bound, ailing[1], clip=1.0) == (
        "a smaller learning rate, a penalty (r1, or gradient_penalty for wasserstein) or a smaller clip"
    )
    moving = lines({}, *[{"returned": 0.9}] * 4)
    assert told(plain, moving, ema=0.99) == (
        "R1 (penalty r1), beta1 0 (if it is larger) or a smaller learning rate"
    )
    noisy = GAN(space, MLP(2, 2), MLP(2, 1), latent=2, view=Views([InstanceNoise(0.1, 100)]))
    sure = lines({}, *[{"accuracy": 1.0, "signal": 0.0}] * 2)
    assert "instance noise" in told(plain, sure)
    assert "instance noise" not in told(noisy, sure)
    learnt = lines({}, *[{"accuracy_train": 0.99}] * 2)
    assert "augmentation" in told(noisy, learnt)
    out = tmp_path / "gone"
    artifact.save(plain, out, note={"recipe": {"name": "gan", "options": {}}})
    (out / "metrics.jsonl").write_text("\n".join(map(json.dumps, ailing[0])))
    (out / "model.safetensors").unlink()
    assert diagnose(out)[0].name == "mode collapse"  # from the log alone
    assert advice(["packing"], {"packing"}) == ""


def test_the_worst_comes_first():
    look = WRONG["critic overfit"] | {"score": 5000.0}
    assert names({}, look, look, look) == ["divergence", "critic overfit"]


def test_samples_near_together_are_a_collapse_where_no_kinds_are_known():
    near = [
        {k: v for k, v in line.items() if "classes" not in k}
        for line in lines({}, *[{"diversity": 0.3}] * 2)
    ]
    assert findings(near)[0].name == "mode collapse"


def test_losses_explode_before_anyone_looks():
    log = lines({}, {}, {})
    losses = [
        {"event": "losses", "round": k, "critic/real": 10.0 ** min(k // 50, 6)}
        for k in range(10, 301, 10)
    ]
    (found,) = findings([*log, *losses])
    assert (found.name, found.since) == ("divergence", 200)
    steady = [{"event": "losses", "round": k, "critic/real": 2000.0} for k in range(10, 301, 10)]
    assert [f.name for f in findings([*log, *steady])] == [
        "healthy"
    ]  # large, and no larger than ever


def test_samples_that_leave_the_data_diverge_and_those_that_come_do_not():
    away = [{"outside": 1.0, "distance": d} for d in (1.0, 3.0, 9.0, 27.0)]
    assert names(*away) == ["divergence"]
    assert names(*away[::-1]) == ["healthy"]


def test_not_finite_is_a_divergence():
    wild = {"score": float("inf")}
    assert names({}, wild, wild) == ["divergence"]


def test_logs_without_games():
    assert findings([]) == ailments([]) == []
    assert findings([{"event": "figures", "round": 10, "nats": 1.0}]) == []
    assert "no figures of a game" in describe([])
    assert names({}) == ["undecided"]
    few = [{"event": "figures", "round": 10 * k, "game/diversity": 1.0} for k in (1, 2, 3)]
    assert [f.name for f in findings(few)] == ["healthy"]  # what was not measured is not wrong


def test_a_folder(tmp_path):
    with pytest.raises(
        ValueError, match=r"diagnose: there is no .*metrics\.jsonl; the folder of a run"
    ):
        diagnose(tmp_path)
    text = "\n".join(json.dumps(line) for line in lines({}, {"classes": 1.0}, {"classes": 1.0}))
    (tmp_path / "metrics.jsonl").write_text(text + '\n{"event": "figu')
    assert [finding.name for finding in diagnose(tmp_path)] == ["total mode collapse"]
