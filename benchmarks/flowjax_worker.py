"""Works with a flow of FlowJAX on request, in its own Python: flow/compiled_flows starts this and times it.

    python flowjax_worker.py 'JSON of a flow'

It builds the flow, says how many parameters it has, and then, for each line of standard input, a work and a
number of calls, does the work so often and says how many seconds of processor time a call took. Rounds of
fit_to_data come by epochs.
"""

import json
import os
import sys
import time
from functools import partial
from typing import Any

os.environ["XLA_FLAGS"] = (
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 "
    "--xla_force_host_platform_device_count=1"
)

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
import paramax
from flowjax.bijections import Affine, RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from flowjax.train import fit_to_data
from flowjax.train.losses import MaximumLikelihoodLoss
from flowjax.train.train_utils import step

Spec = dict[str, Any]
EPOCH = 50  # batches of fit_to_data


def built(spec: Spec) -> Any:
    """The flow; one layer and one set of widths as in genus."""
    spline = partial(RationalQuadraticSpline, knots=spec["bins"] - 1, interval=spec["bound"])
    make = masked_autoregressive_flow if spec["autoregressive"] else coupling_flow
    return make(
        jr.key(0),
        base_dist=Normal(jnp.zeros(spec["d"])),
        transformer=spline() if spec["spline"] else Affine(),
        flow_layers=spec["maps"],
        nn_width=spec["width"],
        nn_depth=2,
    )


class Works:
    """The works of a flow, each a function without arguments that waits until it is done."""

    def __init__(self, spec: Spec):
        self.flow, self.rows = built(spec), spec["rows"]
        self.params, self.static = eqx.partition(
            self.flow,
            eqx.is_inexact_array,
            is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable),
        )
        self.size = sum(x.size for x in jax.tree.leaves(self.params))
        self.x = jr.normal(jr.key(1), (spec["batch"], spec["d"]))
        self.many = jr.normal(jr.key(2), (self.rows, spec["d"]))
        self.loss, self.optimizer = MaximumLikelihoodLoss(), optax.adam(1e-4)
        self.state = self.optimizer.init(self.params)
        leaves, self.tree = jax.tree.flatten((self.params, self.state))
        self.leaves = [jnp.copy(x) for x in leaves]  # which each round gives away
        self.plain = jax.jit(self.bare, donate_argnums=0)
        arrays, rest = eqx.partition(self.flow, eqx.is_array)
        self.scored = jax.jit(lambda a, x: eqx.combine(a, rest).log_prob(x))
        self.drawn = jax.jit(lambda a, key: eqx.combine(a, rest).sample(key, (self.rows,)))
        self.arrays = arrays

    def bare(self, leaves: list[Any], x: Any) -> tuple[list[Any], Any]:
        params, state = jax.tree.unflatten(self.tree, leaves)
        loss, slope = eqx.filter_value_and_grad(self.loss)(params, self.static, x)
        change, state = self.optimizer.update(slope, state, params)
        return jax.tree.leaves((eqx.apply_updates(params, change), state)), loss

    def jit(self) -> None:
        """A round as bare jax.jit on plain arrays."""
        self.leaves, loss = self.plain(self.leaves, self.x)
        loss.block_until_ready()

    def filter_jit(self) -> None:
        """A round as FlowJAX's own step."""
        self.params, self.state, loss = step(
            self.params,
            self.static,
            self.x,
            optimizer=self.optimizer,
            opt_state=self.state,
            loss_fn=self.loss,
        )
        loss.item()

    def fit_to_data(self) -> None:
        """An epoch of FlowJAX's own loop; its time is that of all its rounds together."""
        rows = jnp.tile(self.x, (EPOCH + 1, 1))
        fit_to_data(
            jr.key(0),
            self.flow,
            rows,
            max_epochs=1,
            batch_size=len(self.x),
            val_prop=1 / (EPOCH + 1),  # one batch, for it refuses to go without
            show_progress=False,
            loss_fn=self.loss,  # by default another one, so that each call would compile
            optimizer=self.optimizer,
        )

    def log_prob(self) -> None:
        self.scored(self.arrays, self.many).block_until_ready()

    def sample(self) -> None:
        self.drawn(self.arrays, jr.key(0)).block_until_ready()


def main() -> None:
    works = Works(json.loads(sys.argv[1]))
    print(json.dumps({"parameters": works.size}), flush=True)
    for line in sys.stdin:
        name, calls = json.loads(line)
        each = EPOCH if name == "fit_to_data" else 1  # rounds of a call
        calls = -(-calls // each)
        work, begun = getattr(works, name), time.process_time()
        for _ in range(calls):
            work()
        print(json.dumps((time.process_time() - begun) / (calls * each)), flush=True)


if __name__ == "__main__":
    main()
