"""Run by test_ranks.py, alone or under torchrun: plays a game and writes its weights.

python ranks_of_a_game.py GAME OUT [--fit]
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parent.parent))

from games import Blob, Duel
from laws import Rows

from genus import artifact
from genus.run import Run, begin
from genus.running import fit
from genus.training import play, ranks

game, out, *how = sys.argv[1:]
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
begin("cpu")
rank, world = ranks()
torch.manual_seed(0)
model = {"blob": Blob, "duel": Duel}[game]()
rows = torch.randn(512, model.space.dims, generator=torch.Generator().manual_seed(1))
data = Rows(model.space, None, (rows + 1,))
if how == ["--fit"]:
    run = Run(
        minutes=1, rounds=12, batch=64, lr=0.01, ema=0.9, log_every=3, out=Path(out), device="cpu"
    )
    model = fit(model, data, run)
else:
    batches = (tuple(x.chunk(world)[rank] for x in data.batch(i, 64, 0)) for i in range(8))
    sgd = {name: torch.optim.SGD(p.parameters(), 0.05) for name, p in model.players().items()}
    for _ in play(model, batches, sgd, accumulate=2 if how == ["--accumulate"] else 1):
        pass
for other in range(world):  # each rank's weights, for the ranks must agree
    if rank == other:
        artifact.save(model, f"{out}.rank{rank}")
if dist.is_initialized():
    dist.destroy_process_group()
