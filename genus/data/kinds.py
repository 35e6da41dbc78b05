"""Kinds of files by the ends of their names: what people call them, and what genus does with them."""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Args:
        plural: name of such files in messages.
        ends: ends of their names, in small letters.
        picture: whether a folder of them may be a folder of pictures.
    """

    plural: str
    ends: tuple[str, ...]
    picture: bool = False


KINDS = (
    Kind("JPEG pictures", (".jpg", ".jpeg", ".jpe", ".jfif"), True),
    Kind("PNG pictures", (".png", ".apng"), True),
    Kind("WebP pictures", (".webp",), True),
    Kind("GIF pictures", (".gif",), True),
    Kind("TIFF pictures", (".tif", ".tiff"), True),
    Kind("bitmaps", (".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico"), True),
    Kind("JPEG 2000 pictures", (".jp2", ".j2k"), True),
    Kind("HEIC photographs", (".heic", ".heif", ".hif"), True),
    Kind("AVIF pictures", (".avif",), True),
    Kind("raw photographs", (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2")),
    Kind("drawings of vectors", (".svg", ".eps", ".ai", ".pdf")),
    Kind("documents of drawing programs", (".psd", ".xcf", ".kra")),
    Kind("MIDI files", (".mid", ".midi")),
    Kind("sounds", (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".aac", ".aiff", ".aif", ".opus")),
    Kind("videos", (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")),
    Kind("tables", (".csv", ".tsv", ".parquet", ".xlsx", ".xls", ".jsonl", ".feather")),
    Kind("texts", (".txt", ".md", ".rst", ".html", ".htm", ".tex", ".rtf", ".doc", ".docx")),
    Kind(
        "notes beside pictures", (".xml", ".json", ".yaml", ".yml", ".xmp", ".aae", ".thm", ".ini")
    ),
    Kind("arrays", (".npy", ".npz", ".mat", ".h5", ".hdf5", ".pt", ".pth", ".safetensors", ".pkl")),
    Kind("meshes and clouds of points", (".obj", ".stl", ".ply", ".off", ".glb", ".gltf", ".pcd")),
    Kind("molecules", (".sdf", ".mol", ".mol2", ".smi", ".smiles", ".pdb", ".xyz")),
    Kind("graphs", (".graphml", ".gexf", ".gml", ".g6", ".edgelist", ".edges")),
    Kind("medical pictures", (".dcm", ".nii", ".nii.gz", ".mha", ".nrrd")),
    Kind("archives", (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")),
    Kind("programs", (".py", ".ipynb", ".js", ".c", ".cpp", ".h", ".java", ".sh", ".exe", ".pyc")),
    Kind("databases", (".db", ".sqlite", ".lmdb", ".tfrecord", ".arrow", ".mdb")),
)


@cache
def _by_end() -> dict[str, Kind]:
    return {end: kind for kind in KINDS for end in kind.ends}


def kind_of(name: str) -> Kind | None:
    """The kind of a file by its name or path; None if it is unknown."""
    word, ends = name.rpartition("/")[2].lower(), _by_end()
    start, dot, end = word.rpartition(".")
    _, before, two = start.rpartition(".")
    if before and (kind := ends.get(f".{two}.{end}")) is not None:
        return kind
    return ends.get(f".{end}") if dot else None
