"""genus diagnose: reports in plain words what is wrong with the game, or with the latent, of a run."""

from pathlib import Path

from ..errors import Refused
from .errors import OK
from .parser import Parser

FAULTY = 3  # the exit code if something is wrong


def run(words: list[str]) -> int:
    """Reports in plain words what is wrong with a game, or with a latent."""
    parser = Parser(
        prog="genus diagnose",
        description="Reports what is wrong with the game of an adversarial run, or with the latent of an autoencoder, from its log.",
        epilog=f"Exit codes: 0, nothing is wrong; {FAULTY}, something is; 2, there is no such log.",
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of the run")
    folder: Path = parser.read(words).folder
    if not folder.is_dir():
        raise Refused(f"genus diagnose: {folder} is no folder; that of a run is wanted")
    if not (folder / "metrics.jsonl").is_file():
        raise Refused(
            f"genus diagnose: {folder} has no metrics.jsonl; the folder of a run is wanted"
        )
    from ..measure.diagnosis import describe
    from ..measure.diagnosis import diagnose as examine

    found = examine(folder)
    if not found:
        raise Refused(
            f"genus diagnose: the log in {folder} has no figures of a game of critic and generator, "
            f"or of a latent; the run of a GAN or of a VAE is wanted, after its first evaluation"
        )
    print(describe(found))
    return OK if all(finding.severity == "good" for finding in found) else FAULTY
