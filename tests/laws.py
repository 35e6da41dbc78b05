"""The laws. A method's name is a promise; here is what each name promises, as a test.

A law takes a tiny model of float64 in evaluation mode, and a batch that it could have made: (x,)
or (x, context). `LAWS` says which promises invoke it; what a law cannot see (a space too large to
be counted) is decided by `applies`, before anything runs, so that no law is ever skipped.
"""

import copy
import tempfile
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import softplus

import genus
from genus.core import (
    Attributes,
    Bits,
    Category,
    Classes,
    Graphs,
    Grid,
    Model,
    Pixels,
    Reals,
    Records,
    Space,
    Tokens,
)
from genus.functional.sequences.choices import Decoding
from genus.measure.games.critics import recording
from genus.train import artifact
from genus.train.fit import Run, fit
from genus.train.game import play
from genus.train.rounds.plain import own_optimizers

MOST = 1024  # states that are counted one by one


# --- what laws are made of --------------------------------------------------------------------


def count(space: Space) -> int | None:
    """How many x there are; None if they cannot be counted."""
    match space:
        case Bits():
            return 2**space.dims
        case Pixels():
            return space.levels**space.dims
        case Tokens():
            return space.vocabulary**space.length
        case Classes():
            return space.count
        case Graphs():
            return sum(2 ** (n * (n - 1) // 2) for n in range(space.nodes + 1))
        case Records():
            return len(every_x(space)) if every_field(space) is not None else None
    return None


def every_field(space: Records) -> list[list[float]] | None:
    """The values of each field; None if one has endlessly many."""
    values: list[list[float]] = []
    for field in space.fields:
        if isinstance(field, Category):
            values.append([float(k) for k in range(field.count)])
        elif isinstance(field, Grid) and field.low is not None and field.high is not None:
            v = torch.arange(field.low, field.high + field.step / 2, field.step)
            values.append(field.scale.apply(v).tolist())
        else:
            return None
    return values


def countable(space: Space) -> bool:
    return (count(space) or MOST + 1) <= MOST


def every_x(space: Space) -> Tensor:
    """All x there are, (count, *shape)."""
    match space:
        case Bits():
            values = torch.tensor([0.0, 1.0])
        case Pixels():
            values = space.values(torch.arange(space.levels), torch.get_default_dtype())
        case Tokens():
            values = torch.arange(space.vocabulary)
        case Classes():
            return torch.arange(space.count)
        case Records():
            rows = torch.tensor([*product(*(every_field(space) or []))])
            return space.quantise(rows).unique(dim=0)  # what is not there has one value
        case Graphs():
            return torch.cat([every_graph(n, space.nodes) for n in range(space.nodes + 1)])
    rows = list(product(values.tolist(), repeat=space.dims))
    states = torch.tensor(rows, dtype=values.dtype).reshape(-1, *space.shape)
    if isinstance(space, Tokens) and space.end is not None:
        ended = states == space.end
        states = states[~(ended[:, :-1] & ~ended[:, 1:]).any(1)]  # an end ends them
    return states


def every_graph(n: int, nodes: int) -> Tensor:
    """All graphs of n nodes, with room for more, (2^(n (n - 1) / 2), nodes, nodes)."""
    first, second = torch.triu_indices(n, n, 1)
    edges = torch.tensor(list(product([0.0, 1.0], repeat=len(first))))
    x = torch.zeros(len(edges), nodes, nodes)
    x[:, first, second] = x[:, second, first] = edges.to(x)
    x[:, range(n), range(n)] = 1
    return x


def draw(space: Space, n: int) -> Tensor:
    """Some n rows of a space, for a context."""
    match space:
        case Reals():
            return torch.randn(n, *space.shape)
        case Bits():
            return torch.rand(n, *space.shape).round()
        case Pixels():
            return space.quantise(torch.rand(n, *space.shape) * 2 - 1)
        case Tokens():
            x = torch.randint(space.vocabulary, (n, space.length))
            if space.end is None:
                return x
            return x.masked_fill((x == space.end).cumsum(1) > 0, space.end)
        case Classes():
            return torch.arange(n) % space.count
        case Records():
            return space.quantise(2 * torch.randn(n, *space.shape))
        case Attributes():
            return torch.stack([torch.arange(n) % count for count in space.counts], 1)
    raise TypeError(f"no rows of {space}")


def sample(model: Model, n: int) -> tuple[Tensor, ...]:
    """n rows that the model could have made: (x,) or (x, context)."""
    if model.context_space is not None:
        context = draw(model.context_space, n)
        return model.sample(context=context), context
    return (model.sample(n),)


def within(draws: Tensor, truth: float, sigmas: float = 5.0) -> None:
    """A Monte-Carlo mean agrees with the truth, by its own standard error."""
    error = draws.std() / len(draws) ** 0.5
    gap = (draws.mean() - truth).abs()
    assert gap <= sigmas * error + 1e-9, (
        f"mean {draws.mean():.5f}, truth {truth:.5f}, se {error:.5f}"
    )


@dataclass
class Rows:
    """Batches from fixed rows: the simplest source there is."""

    space: Space
    context_space: Space | None
    rows: tuple[Tensor, ...]
    fingerprint: str = "rows"

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, ...]:
        place = torch.Generator().manual_seed(1000 * seed + number)
        index = torch.randint(len(self.rows[0]), (size,), generator=place)
        return tuple(x[index] for x in self.rows)

    def everything(self) -> tuple[Tensor, ...]:
        return self.rows


def rows_for(model: Model, n: int = 32) -> Rows:
    context_space = model.context_space if (model.context_space is not None) else None
    torch.default_generator.manual_seed(11)
    return Rows(model.space, context_space, sample(model, n))


# --- laws of sampling and scoring -------------------------------------------------------------


def samples_are_of_the_space(model, *batch):
    x = sample(model, 3)[0]
    assert x.shape == (3, *model.space.shape)
    assert not x.requires_grad
    assert x.dtype == batch[0].dtype
    model.space.check(x, "sample")


def samples_follow_the_seed(model, *batch):
    def drawn(seed):
        torch.default_generator.manual_seed(seed)
        return sample(model, 8)[0]

    assert torch.equal(drawn(7), drawn(7))
    assert not torch.equal(drawn(7), drawn(8))


def the_first_rows_do_not_depend_on_how_many(model, *batch):
    """Bit for bit, by `genus.sample`; each with a context of its own."""
    context = None if model.context_space is None else draw(model.context_space, 70)

    def drawn(n):
        return genus.sample(model, n, 3, None if context is None else context[:n])

    torch.default_generator.manual_seed(4)
    x = drawn(70)
    assert len(x) == 70
    for n in (1, 5, 64, 65):
        assert torch.equal(drawn(n), x[:n]), f"the first {n} of 70 are not the {n}"
    drawn(0)
    after = torch.rand(1)
    torch.default_generator.manual_seed(4)
    assert torch.equal(after, torch.rand(1)), "the random streams have moved"


def no_rows_are_rows_too(model, *batch):
    x = sample(model, 0)[0]
    assert x.shape == (0, *model.space.shape)
    assert x.dtype == batch[0].dtype


def sampling_leaves_the_model_alone(model, *batch):
    """A run that is looked at more often is still the same run."""
    before = {k: v.clone() for k, v in model.state_dict().items()}
    sample(model, 3)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), f"sampling changes {name}"


def rows_do_not_meet(model, *batch):
    """Each row's score is its own: no sum over the batch, no batch statistics."""
    score = model.log_prob if "log_prob" in model.promises() else model.energy
    together = score(*batch)
    assert together.shape == (len(batch[0]),)
    alone = torch.cat([score(*(x[i : i + 1] for x in batch)) for i in range(len(batch[0]))])
    torch.testing.assert_close(together, alone)


def probability_sums_to_one(model, *batch):
    """By counting if x can be counted; else E_p[q(x) / p(x)] = 1 for a narrow normal q."""
    context = batch[1:]
    if countable(model.space):
        states = every_x(model.space)
        given = [c[:1].expand(len(states), *c.shape[1:]) for c in context]
        total = model.log_prob(states, *given).logsumexp(0).exp()
        torch.testing.assert_close(total, torch.ones_like(total))
    else:
        given = [c[:1].expand(20_000, *c.shape[1:]) for c in context]
        drawn = model.sample(None if given else 20_000, *given)
        q = torch.distributions.Normal(drawn.mean(0), 0.5 * drawn.std(0))
        log_q = q.log_prob(drawn).flatten(1).sum(1)
        within((log_q - model.log_prob(drawn, *given)).exp(), 1.0)


def samples_come_from_the_density(model, *batch):
    """By frequencies if x can be counted; else by Stein's identity, E_p[x . grad log p(x)] = -d."""
    given = [c[:1].expand(20_000, *c.shape[1:]) for c in batch[1:]]
    drawn = model.sample(None if given else 20_000, *given)
    if countable(model.space):
        states = every_x(model.space)
        context = (c[:1].expand(len(states), *c.shape[1:]) for c in batch[1:])
        with torch.no_grad():
            p = model.log_prob(states, *context).exp()
        both = torch.cat([x.reshape(len(x), -1) for x in (states, drawn.to(states.dtype))])
        _, number = both.unique(dim=0, return_inverse=True)
        hits = number[len(states) :].bincount(minlength=len(both))[number[: len(states)]]
        spread = (p * (1 - p)).clamp(min=1 / len(drawn)).sqrt() / len(drawn) ** 0.5
        away = (hits / len(drawn) - p).abs() / spread
        assert away.max() <= 5, (
            f"{states[away.argmax()]}: {away.max():.1f} errors from its probability"
        )
    else:
        drawn.requires_grad_()
        (score,) = torch.autograd.grad(model.log_prob(drawn, *given).sum(), drawn)
        within((drawn * score).flatten(1).sum(1), -float(drawn[0].numel()))


def weights_sum_to_one(model, *batch):
    """E exp(log_weight(x)) = p(x), so its sum over all x, or its integral, is one."""
    repeats = 400
    if countable(model.space):
        states = every_x(model.space)
        with torch.no_grad():
            given = [c[:1].expand(len(states), *c.shape[1:]) for c in batch[1:]]
            draws = [model.log_weight(states, *given).exp().sum() for _ in range(repeats)]
        within(torch.stack(draws), 1.0)
    else:
        drawn = model.sample(4000, *(c[:1].expand(4000, *c.shape[1:]) for c in batch[1:]))
        q = torch.distributions.Normal(drawn.mean(0), 1.5 * drawn.std(0))
        x = q.sample((20_000,))
        log_q = q.log_prob(x).flatten(1).sum(1)
        given = [c[:1].expand(len(x), *c.shape[1:]) for c in batch[1:]]
        with torch.no_grad():
            within((model.log_weight(x, *given) - log_q).exp(), 1.0)


def again_and_again(score, batch: tuple[Tensor, ...], repeats: int, at_once: int = 100) -> Tensor:
    """Random scores of a batch, (repeats, n), many copies of it in one call."""
    many = tuple(x.repeat(at_once, *[1] * (x.dim() - 1)) for x in batch)
    found = [score(*many).unflatten(0, (at_once, -1)) for _ in range(repeats // at_once)]
    return torch.cat(found)


def several_weights_are_weights(model, *batch):
    """Each row's weights drawn at once have the mean and the spread of those drawn one by one."""
    with torch.no_grad():
        once = model.log_weights(*batch, k=400)
        each = torch.stack([model.log_weight(*batch) for _ in range(400)])
    assert once.shape == each.shape
    error = ((once.var(0) + each.var(0)) / 400).sqrt()
    assert ((once.mean(0) - each.mean(0)).abs() <= 5 * error + 1e-9).all()
    spread = (once.std(0) + 1e-9) / (each.std(0) + 1e-9)
    assert ((spread > 0.6) & (spread < 1.6)).all()


def elbo_is_a_bound(model, *batch):
    """elbo <= log p on average, where log p is log E exp(log_weight): exact in the limit."""
    repeats = 2000
    with torch.no_grad():
        elbo = again_and_again(model.elbo, batch, repeats)
        weight = again_and_again(model.log_weight, batch, repeats)
    assert elbo.shape == (repeats, len(batch[0]))
    top = weight.max(0).values
    ratio = (weight - top).exp()
    log_p = top + ratio.mean(0).log()
    error = (elbo.var(0) / repeats + ratio.var(0) / ratio.mean(0) ** 2 / repeats) ** 0.5
    assert (elbo.mean(0) <= log_p + 5 * error + 1e-9).all(), (elbo.mean(0) - log_p) / error
    tightest = (log_p - elbo.mean(0)).min()  # an elbo that is far too low is a bound, but no use
    assert tightest < 50, f"the bound is {tightest:.1f} nats below log p everywhere"


# --- laws of one value after another ----------------------------------------------------------


def given(batch: tuple[Tensor, ...], n: int) -> list[Tensor]:
    """n rows of the batch's context."""
    return [c[torch.arange(n) % len(c)] for c in batch[1:]]


def logits_are_blind_to_what_comes_later(model, *batch):
    """Not a bit of them moves with a value that is not before theirs; with those before, they do."""
    order, context = model.order.tolist(), given(batch, 64)
    x = draw(model.space, 64)
    before = model.logits(x, *context).reshape(64, len(order), -1)
    for place, changed in enumerate(order):
        other = x.flatten(1).clone()
        other[:, changed] = other[torch.randperm(64), changed]
        after = model.logits(other.reshape(x.shape), *context).reshape(64, len(order), -1)
        same = (before == after).all(0).all(1)
        assert same[order[: place + 1]].all(), f"value {changed} is seen where it should not be"
        if not getattr(model, "blind_spot", False):
            assert not same[order[place + 1 :]].any(), (
                f"value {changed} is not seen where it may be"
            )


def levels_of(space: Space) -> Tensor:
    """The values that each number of an x can take, in their order."""
    match space:
        case Pixels():
            return space.values(torch.arange(space.levels), torch.get_default_dtype())
        case Tokens():
            return torch.arange(space.vocabulary)
    return torch.tensor([0.0, 1.0])


def by_whole_passes(model, choose, n, context):
    """x, (n, d), each value chosen from the logits of all: `choose(feature, chances)`, a level's number.

    Chances are (n, levels). Once a sequence has ended it stays so.
    """
    levels, end = levels_of(model.space), getattr(model.space, "end", None)
    x = levels[:1].repeat(n, model.space.dims)
    ended = torch.zeros(n, dtype=torch.bool)
    for feature in model.order.tolist():
        logits = model.logits(x.reshape(n, *model.space.shape), *context)
        mine = logits.reshape(n, x.shape[1], -1)[:, feature]
        if mine.shape[1] == 1:  # of a bit: the logit of 1
            p = mine.sigmoid()
            mine = torch.cat([1 - p, p], 1)
        else:
            mine = mine.softmax(1)
        came = levels[choose(feature, mine)]
        if end is not None:
            came = came.masked_fill(ended, end)
            ended = ended | (came == end)
        x[:, feature] = came
    return x.reshape(n, *model.space.shape)


def drawing_by_steps_is_drawing_by_whole_passes(model, *batch):
    """Bit for bit: each value from the logits of all, with the same uniform numbers."""
    u, context = torch.rand(200, model.space.dims), given(batch, 200)

    def choose(feature, chances):
        if chances.shape[1] == 2 and isinstance(model.space, Bits):
            return (u[:, feature] < chances[:, 1]).long()
        below = chances.cumsum(1) <= u[:, feature : feature + 1]
        return below.sum(1).clamp(max=chances.shape[1] - 1)

    x = by_whole_passes(model, choose, 200, context)
    assert torch.equal(model.sample_from(u, *context).reshape(x.shape), x)
    assert len(x.unique(dim=0)) > 1


def a_prefix_is_gone_on_with(model, *batch):
    """What follows given values is what the noise makes of them, for any number of values."""
    u, other = torch.rand(2, 50, model.space.dims)
    context = given(batch, 50)
    x = model.sample_from(u, *context)
    for known in range(model.space.dims + 1):
        first = model.order[:known]
        mixed = other.clone()
        mixed[:, first] = u[:, first]  # draws the same first values, and other ones after them
        gone_on = model.sample_from(other, *context, prefix=x.flatten(1)[:, first])
        assert torch.equal(gone_on, model.sample_from(mixed, *context))
    assert torch.equal(model.complete(x, model.space.dims, *context), x)


def drawing_at_temperature_0_takes_the_likeliest(model, *batch):
    """The same row whatever the noise, and by whole passes the likeliest value each time."""
    context = given(batch[:1] + tuple(c[:1] for c in batch[1:]), 20)
    x = model.sample_from(
        torch.rand(20, model.space.dims), *context, decoding=Decoding(temperature=0)
    )
    best = by_whole_passes(model, lambda feature, chances: chances.argmax(1), 20, context)
    assert torch.equal(x.reshape(best.shape), best)
    assert len(x.unique(dim=0)) == 1


# --- laws of other ways to sample -------------------------------------------------------------


def what_is_watched_ends_in_the_sample(model, *batch):
    """To watch changes nothing: the same rows, bit for bit, and every look is at as many."""
    seen, who = [], given(batch, 4) or [4]
    torch.default_generator.manual_seed(5)
    x = model.sample(None, *who) if len(batch) > 1 else model.sample(4)
    torch.default_generator.manual_seed(5)
    watched = model.sample_watched(seen.append, len(x), *given(batch, 4))
    assert torch.equal(watched, x)
    assert seen
    for look in seen:
        assert look.shape == x.shape
        assert look.isfinite().all()
    assert not all(torch.equal(look, x) for look in seen)


def what_is_known_stays(model, *batch):
    """Of any part, the same for all rows; the rest is drawn, of the same space."""
    x, *context = (torch.cat([rows, rows]) for rows in batch)
    known = torch.arange(model.space.dims).reshape(model.space.shape) % 2 == 0
    for part in (known, ~known):
        found = model.inpaint(x, part, *context)
        model.space.check(found, "inpaint")
        assert torch.equal(found[:, part], x[:, part])
        first, again = found.chunk(2)
        assert part.all() or not torch.equal(first, again)


# --- laws of energies -------------------------------------------------------------------------


def gibbs_leaves_the_distribution_alone(model, *batch):
    """Begun at exact samples, the chain ends at exact samples."""
    states = every_x(model.space)
    p = (-model.energy(states)).softmax(0)
    start = states[p.multinomial(50_000, replacement=True)]
    end = model.gibbs(start, steps=1)
    assert not torch.equal(start, end)
    for one, chance in zip(states, p.tolist(), strict=True):
        hits = (end == one).reshape(len(end), -1).all(1).double()
        spread = (chance * (1 - chance) / len(end)) ** 0.5
        assert abs(hits.mean().item() - chance) <= 5 * spread


def an_annealing_path_leads_from_a_known_sum_to_the_energy(model, *batch):
    """f_0 sums to exp(log_z), f_1 is exp(-energy), and E exp(sum of weights on the way) = Z_1 / Z_0."""
    states = every_x(model.space)
    with torch.no_grad():
        path = model.annealing_path(batch[0])
        log_f1 = -model.energy(states)
        log_f0 = log_f1 - path.climb(states, 0.0, 1.0)[1]
        torch.testing.assert_close(log_f0.logsumexp(0), path.log_z)
        x, total = path.start(20_000), 0.0
        for beta, to in ((0.0, 0.2), (0.2, 0.7), (0.7, 1.0)):
            x, weight = path.climb(x, beta, to)
            total = total + weight
    within((total - (log_f1.logsumexp(0) - path.log_z)).exp(), 1.0)


def unnormalised_weights_sum_to_the_constant_of_the_path(model, *batch):
    """The sum over all x of E[exp(weight)] is Z, at which the path ends."""
    states = every_x(model.space)
    with torch.no_grad():
        path = model.annealing_path(batch[0])
        x, total = path.start(20_000), 0.0
        for beta, to in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.0)):
            x, weight = path.climb(x, beta, to)
            total = total + weight
        z = total.exp()
        many = states.repeat(500, *[1] * len(model.space.shape))
        weights = (model.unnormalised_log_weight(many) - path.log_z).exp()
        sums = weights.unflatten(0, (500, len(states))).sum(1)
    error = (z.var() / len(z) + sums.var() / len(sums)).sqrt()
    assert (sums.mean() - z.mean()).abs() <= 5 * error
    assert error < 0.1 * z.mean()


def samples_come_from_the_conditionals(model, *batch):
    """Each x is drawn as often as the mean of P(x | z) says."""
    states, n = every_x(model.space), 20_000
    with torch.no_grad():
        logits = model.conditionals(n).flatten(1)
        rows = states.flatten(1)
        each = (rows @ logits.T - softplus(logits).sum(1)).exp()  # (states, n)
        drawn = model.sample(n)
    p, spread = each.mean(1), each.var(1)
    shares = (drawn[:, None] == states).flatten(2).all(2).to(p).mean(0)
    assert abs(p.sum().item() - 1) < 1e-6
    assert ((shares - p).abs() <= 5 * ((p * (1 - p) + spread) / n).sqrt() + 1e-9).all()


# --- laws of maps -----------------------------------------------------------------------------


def decoded_rows_do_not_meet(model, *batch):
    """x depends on its own z, and not on what else is decoded: no statistics of the batch."""
    encodes = "encode" in model.promises()
    z = model.encode(*batch) if encodes else model.noise(len(batch[0]), model.latent)
    rows = zip(z, *batch[1:], strict=True)
    alone = torch.cat([model.decode(*(part[None] for part in row)) for row in rows])
    torch.testing.assert_close(model.decode(z, *batch[1:]), alone)


def units_tell_of_one_latent(model, *batch):
    """Every unit that is drawn tells at least nothing, and both draws are what `decode` takes."""
    x = batch[0]
    nats, guesses, prior = model.unit_nats(x), model.draw_posterior(x), model.draw_prior(len(x))
    assert nats.shape == guesses.shape[1:]
    assert (nats >= -1e-9).all()
    assert guesses.shape == prior.shape == (len(x), *nats.shape)
    for z in (guesses, prior):
        assert model.decode(z).shape == x.shape
    moved = (model.draw_posterior(x) != guesses).double().mean(0)
    assert (moved[nats > 0] == 1).all()


def decoding_undoes_encoding(model, *batch):
    torch.testing.assert_close(model.decode(model.encode(*batch), *batch[1:]), batch[0])


def logdet_is_the_jacobians(model, *batch):
    claimed = model.encode_with_logdet(*batch)[1]

    d = model.space.dims
    for i, (row, one) in enumerate(zip(batch[0], claimed, strict=True)):
        given = [c[i : i + 1] for c in batch[1:]]

        def encode(row, given=given):
            return model.encode(row[None], *given)[0].flatten()

        jacobian = torch.autograd.functional.jacobian(encode, row).reshape(d, d)
        torch.testing.assert_close(one, torch.linalg.slogdet(jacobian).logabsdet)


# --- laws of the game -------------------------------------------------------------------------


def a_move_moves_only_what_is_owned(model, *batch):
    players = model.train().players()
    for name in players:
        mover = players[name].optimizer or name
        optimizers = {
            other: torch.optim.SGD(players[other].parameters(), lr=1e-2 if other == mover else 0.0)
            for other in own_optimizers(players)
        }
        for player in players.values():  # a bound that is kept already moves nothing
            if player.after is not None:
                torch.no_grad()(player.after)()
        before = {k: v.clone() for k, v in model.named_parameters()}
        for _ in islice(play(model, [batch] * players[name].every, optimizers), None):
            pass
        owned = {id(p) for p in players[name].parameters()}
        moved = {k for k, v in model.named_parameters() if not torch.equal(v, before[k])}
        assert moved, f"{name} moved nothing"
        assert moved <= {k for k, v in model.named_parameters() if id(v) in owned}


def everything_owned_learns(model, *batch):
    """Each parameter that somebody owns gets a gradient that is not all zero, in some round."""
    players = model.train().players()
    touched: set[int] = set()
    for player in players.values():
        for _ in range(4):
            model.zero_grad()
            total = torch.stack([*player.loss(*model.deal(*batch)).values()]).sum()
            total.backward(inputs=player.parameters())
            touched |= {
                id(p) for p in player.parameters() if p.grad is not None and p.grad.abs().sum() > 0
            }
    owned = {id(p) for player in players.values() for p in player.parameters()}
    idle = [k for k, p in model.named_parameters() if id(p) in owned and id(p) not in touched]
    assert not idle, f"no gradient for {idle}"


def resuming_changes_nothing(model, *batch):
    """Four rounds in one go, or two, a new process's model, and two more: the same bits."""
    data = rows_for(model)
    ema = None if "fit" in model.promises() else 0.9

    def train(learner, rounds, out, resume=False):
        run = Run(rounds, batch=8, lr=1e-2, ema=ema, seed=5, out=out, resume=resume, device="cpu")
        fit(learner, data, run)

    with tempfile.TemporaryDirectory() as folder:
        straight, halved = Path(folder) / "straight", Path(folder) / "halved"
        train(copy.deepcopy(model), 4, straight)
        train(copy.deepcopy(model), 2, halved)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(1)  # whatever the new process begins with must not matter
        train(model, 4, halved, resume=True)
        for file in ("model.safetensors", "ema.safetensors")[: 1 if ema is None else 2]:
            assert (straight / file).read_bytes() == (halved / file).read_bytes(), file


def improving_never_lowers_the_likelihood(model, *batch):
    """Each step of a closed form or of expectation maximisation is at least as good as the last."""
    data = rows_for(model, 200).rows
    before = -float("inf")
    for _ in islice(model.fit(*data), 10):
        now = model.log_prob(*data).mean().item()
        assert now >= before - 1e-9, f"fell from {before} to {now}"
        before = now


# --- laws of keeping --------------------------------------------------------------------------


def own_name(model):
    """Allows the class of a test, so that a liar is judged by its lie and not by its home."""
    return [f"{type(model).__module__}.{type(model).__qualname__}"]


def hyperparameters_rebuild_the_model(model, *batch):
    """Through JSON and back: the same class, the same arguments, room for the same weights."""
    twin = artifact.decode(artifact.encode(model), allow=own_name(model)).to(dtype=torch.float64)
    assert artifact.encode(twin) == artifact.encode(model)
    twin.load_state_dict(model.state_dict())


def saving_and_loading_keep_the_samples(model, *batch):
    with tempfile.TemporaryDirectory() as folder:
        artifact.save(model, folder)
        twin = artifact.load(folder, allow=own_name(model))
    torch.default_generator.manual_seed(3)
    first = sample(model, 3)[0]
    torch.default_generator.manual_seed(3)
    assert torch.equal(first, sample(twin, 3)[0])


# --- games ------------------------------------------------------------------------------------


def what_is_judged_is_what_the_critic_says(model, *batch):
    """Scores of both sides, overheard while the critic finds its loss, which falls as the real ones rise."""
    torch.default_generator.manual_seed(0)
    twin = copy.deepcopy(model)
    dealt = model.deal(*batch)
    torch.default_generator.manual_seed(0)
    again = twin.deal(*batch)
    critic = next(p for p in model.players().values() if p.role == "critic")
    torch.default_generator.manual_seed(1)
    with recording(critic) as calls:
        loss = torch.stack([*critic.loss(*dealt).values()]).sum()
    (_, real), (_, fake), *_ = calls
    torch.default_generator.manual_seed(1)
    found = twin.judged(again)
    pull = torch.autograd.grad(loss, [real, fake], materialize_grads=True)
    sign = 1 if pull[0].sum() <= pull[1].sum() else -1
    for said, score in ((found.real, real), (found.fake, fake)):
        score = score.detach().reshape(len(said), -1).mean(1)
        torch.testing.assert_close(said, sign * score.double())
    assert not found.real.requires_grad
    assert not found.fake.requires_grad


def annealed_chances_sum_to_one(model, *batch):
    """On the average of many chains: a longer path has no more to give."""
    states = every_x(model.space)
    given = [c.amax(0, keepdim=True).expand(len(states), *c.shape[1:]) for c in batch[1:]]
    log_p = model.annealed_log_prob(states, *given, betas=50, chains=400)
    assert log_p.shape == (len(states),)
    total = log_p.exp().sum()
    assert abs(total - 1) < 0.1, f"all chances together are {total:.3f}"


# --- which law holds for whom -----------------------------------------------------------------

LAWS = {  # each law, and the promises that invoke it
    samples_are_of_the_space: {"sample"},
    samples_follow_the_seed: {"sample"},
    the_first_rows_do_not_depend_on_how_many: {"sample"},
    no_rows_are_rows_too: {"sample"},
    sampling_leaves_the_model_alone: {"sample"},
    rows_do_not_meet: {"log_prob"},
    probability_sums_to_one: {"log_prob", "sample"},
    samples_come_from_the_density: {"log_prob", "sample"},
    weights_sum_to_one: {"log_weight"},
    several_weights_are_weights: {"log_weights", "log_weight"},
    elbo_is_a_bound: {"elbo", "log_weight"},
    logits_are_blind_to_what_comes_later: {"logits"},
    drawing_by_steps_is_drawing_by_whole_passes: {"logits", "sample_from"},
    a_prefix_is_gone_on_with: {"sample_from", "complete"},
    drawing_at_temperature_0_takes_the_likeliest: {"logits", "sample_from", "complete"},
    what_is_watched_ends_in_the_sample: {"sample", "sample_watched"},
    what_is_known_stays: {"inpaint"},
    gibbs_leaves_the_distribution_alone: {"energy", "gibbs"},
    an_annealing_path_leads_from_a_known_sum_to_the_energy: {"energy", "annealing_path"},
    unnormalised_weights_sum_to_the_constant_of_the_path: {
        "unnormalised_log_weight",
        "annealing_path",
    },
    samples_come_from_the_conditionals: {"conditionals", "sample"},
    annealed_chances_sum_to_one: {"annealed_log_prob"},
    decoded_rows_do_not_meet: {"decode"},
    units_tell_of_one_latent: {"unit_nats", "draw_posterior", "draw_prior", "decode"},
    decoding_undoes_encoding: {"encode_with_logdet", "decode"},
    logdet_is_the_jacobians: {"encode_with_logdet"},
    a_move_moves_only_what_is_owned: set(),
    everything_owned_learns: set(),
    resuming_changes_nothing: set(),
    what_is_judged_is_what_the_critic_says: {"judged"},
    improving_never_lowers_the_likelihood: {"fit", "log_prob"},
    hyperparameters_rebuild_the_model: set(),
    saving_and_loading_keep_the_samples: {"sample"},
}
GAMES = {a_move_moves_only_what_is_owned, everything_owned_learns}
COUNTING = {
    gibbs_leaves_the_distribution_alone,
    an_annealing_path_leads_from_a_known_sum_to_the_energy,
    unnormalised_weights_sum_to_the_constant_of_the_path,
    samples_come_from_the_conditionals,
    annealed_chances_sum_to_one,
}
DENSITIES = {probability_sums_to_one, samples_come_from_the_density, weights_sum_to_one}


def applies(law, model: Model) -> bool:
    """Whether a law can see this model."""
    if not LAWS[law] <= model.promises():
        return False
    if law in GAMES:
        return "fit" not in model.promises()  # others learn by closed form
    if law in COUNTING:
        return countable(model.space)
    if law in DENSITIES:
        return countable(model.space) or isinstance(model.space, Reals)
    return True
