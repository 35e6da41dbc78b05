"""What `genus sample` does with its options: samples of a trained model, in a file."""

from pathlib import Path
from typing import Any

from ..core.files import write
from ..data import Data
from ..data import load as load_data
from ..errors import Refused
from ..show import contexts, drawn, save_png, shown
from ..show.files import array, written
from ..show.samples import long, prefix, told
from ..train.artifact import data_of, load, read_config
from ..train.process import begin


def draw(
    folder: Path,
    n: int,
    out: Path,
    *,
    seed: int,
    raw: bool,
    data: str | None,
    device: str,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    prompt: str | None = None,
    bias: float | None = None,
    context: str | None = None,
    length: int | None = None,
) -> None:
    """Samples into a file, whole or not at all: a picture that says how it came about, and more.

    Args:
        folder: of a model.
        n: how many.
        out: .png; .npy, an array; .txt, of tokens that stand for characters or words; or .wav, of
            sounds, one after another.
        seed: of the noise.
        raw: takes the weights as they were trained, not their average.
        data: where contexts and symbols come from; without it, the data of the run.
        device: as in `Run`.
        temperature, top_k, top_p: as in `Decoding`, of models that draw value by value.
        bias: of models of handwriting, which writes the neater the larger it is.
        prompt: a text that samples begin with, of models of tokens.
        context: what a conditional model is given, as `Data.asked` reads it; without it, labels in
            turn, or the test set's contexts.
        length: tokens that follow on the prompt, of models whose texts may be of any length.
    """
    config = read_config(folder)
    model = load(folder, average=not raw, device=str(begin(device)))
    averaged = not raw and (folder / "ema.safetensors").exists()

    def source() -> Data:
        return load_data(data or data_of(folder)).view_for(model)

    if data is not None:
        source()  # what does not fit is refused also where nothing of it is needed
    choices = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "bias": bias}
    how = told(model, choices)
    if prompt is not None:
        how["prefix"] = prefix(model, source(), prompt, length is not None)
    given = contexts(model, n, source)
    if context is not None:
        if given is None:
            raise Refused(f"sample: {type(model).__name__} takes no context: leave --context out")
        given = source().asked(context).expand_as(given)
    x = drawn(model, n, given, seed, how) if length is None else long(model, n, length, seed, how)
    if out.suffix == ".png":
        note: dict[str, Any] = {
            "config": config,
            "n": n,
            "seed": seed,
            "weights": "average" if averaged else "raw",
            **({"decoding": repr(how["decoding"])} if "decoding" in how else {}),
        }
        save_png(shown(x, model.space, given, getattr(model, "context_space", None)), out, note)
        return
    content = array(x) if out.suffix == ".npy" else written(source(), x, out.suffix)
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, content)
