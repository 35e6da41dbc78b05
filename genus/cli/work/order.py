"""What `genus sample` is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What `genus sample` is asked for.

    Args:
        folder: folder of a model.
        n: number of samples, or of ways from one code to another; by default 64, or 1 for each picture
            that is a context.
        out: file or folder to write.
        into_folder: whether `out` is a folder.
        format: kind of the files in a folder, such as ".jpg"; by default what shows a sample best.
        seed: random seed.
        raw: whether to use the weights themselves, not their average.
        data: data set of contexts and rows, by default the data of the run.
        device: device as in `Run`.
        temperature, top_k, top_p: settings of `Decoding`, for models that sample value by value.
        mean: True shows the mean of p(x | z), for models that have a latent.
        bias: neatness, for models of handwriting.
        style: picture whose style all samples have, for models of styles.
        threshold: largest size of a number of the latent, for models that truncate it.
        prompt: text to continue, for models of tokens.
        length: number of tokens after the prompt, for models whose texts may be of any length.
        context: context of a conditional model, as `Data.parse_context` reads it, or a picture, a folder
            or a pattern of pictures; by default labels in turn, or the test set's contexts.
        given: table of rows whose other columns are drawn, n times for each.
        frames: number of frames of how samples come about.
        complete: "half", to keep the upper half of test rows.
        inpaint: picture whose white part is drawn anew in test rows.
        interpolate: steps from one latent code to another.
        between: "rows" or "draws": whose codes these are.
        allow: names of code outside genus that may run, as in `load`.
        words: words of the command, for the note in a picture.
    """

    folder: Path
    n: int | None
    out: Path
    into_folder: bool = False
    format: str | None = None
    seed: int = 0
    raw: bool = False
    data: str | None = None
    device: str = "auto"
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    mean: bool | None = None
    bias: float | None = None
    style: Path | None = None
    threshold: float | None = None
    prompt: str | None = None
    length: int | None = None
    context: str | None = None
    given: Path | None = None
    frames: int | None = None
    complete: str | None = None
    inpaint: Path | None = None
    interpolate: int | None = None
    between: str | None = None
    allow: Sequence[str] = ()
    words: tuple[str, ...] = ()
