"""The work of `genus sample`: samples of a trained model, in a file."""

from pathlib import Path
from typing import Any

from ..core.files import write
from ..data import Data
from ..data import load as load_data
from ..errors import Refused
from ..show import contexts, sampled, save_png, shown
from ..show.files import array, written
from ..show.samples import long, prefix, sampling_arguments
from ..train.artifact import data_of, load, read_config
from ..train.process import begin


def write_samples(
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
    """Writes samples into a file, whole or not at all; a picture holds a note of its origin.

    Args:
        folder: folder of a model.
        n: number of samples.
        out: file: .png; .npy, an array; .txt, for tokens that stand for characters or words; or
            .wav, for sounds, one after another.
        seed: random seed.
        raw: whether to use the weights themselves, not their average.
        data: data set of contexts and symbols, by default the data of the run.
        device: device as in `Run`.
        temperature, top_k, top_p: settings of `Decoding`, for models that sample value by value.
        bias: neatness, for models of handwriting.
        prompt: text to continue, for models of tokens.
        context: context of a conditional model, as `Data.parse_context` reads it; by default labels
            in turn, or the test set's contexts.
        length: number of tokens after the prompt, for models whose texts may be of any length.
    """
    config = read_config(folder)
    model = load(folder, average=not raw, device=str(begin(device)))
    averaged = not raw and (folder / "ema.safetensors").exists()

    def source() -> Data:
        return load_data(data or data_of(folder)).view_for(model)

    if data is not None:
        source()  # data that do not fit are refused even if they are not needed
    choices = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "bias": bias}
    how = sampling_arguments(model, choices)
    if prompt is not None:
        how["prefix"] = prefix(model, source(), prompt, length is not None)
    given = contexts(model, n, source)
    if context is not None:
        if given is None:
            raise Refused(f"sample: {type(model).__name__} takes no context: leave --context out")
        given = source().parse_context(context).expand_as(given)
    x = sampled(model, n, given, seed, how) if length is None else long(model, n, length, seed, how)
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
