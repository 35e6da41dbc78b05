"""The wheel and the sdist, built from this checkout and tried outside of it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EVERY_MODULE = """
import importlib, pkgutil, sys
import genus
names = [found.name for found in pkgutil.walk_packages(genus.__path__, "genus.")]
for name in names:
    importlib.import_module(name)
print(len(names), genus.__file__)
"""


def run(*words, cwd):
    """What a command prints; its environment knows nothing of this checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env = clean | {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(word) for word in words], check=False, cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source, out, *targets):
    run(sys.executable, "-m", "hatchling", "build", "-d", out, *targets, cwd=source)
    return out


def dependencies(folder):
    """A folder of links to what is installed here, without genus."""
    folder.mkdir()
    for home in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(home).iterdir():
            if not path.name.lstrip("_").startswith("genus"):
                (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = build(ROOT, tmp_path_factory.mktemp("dist"))
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def place(built, tmp_path_factory):
    """A fresh environment, with the wheel in it and the dependencies in reach."""
    place = tmp_path_factory.mktemp("outside")
    venv.create(place / "env", symlinks=os.name != "nt")
    python = place / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place)[:-1]
    )
    (packages / "dependencies.pth").write_text(f"{dependencies(place / 'dependencies')}\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    run(*pip, f"{built[0]}[dev]", cwd=place)
    return place


@pytest.fixture(scope="module")
def commands(place):
    return place / "env" / ("Scripts" if os.name == "nt" else "bin")


def test_the_wheel_has_every_file_of_the_library_and_nothing_else(built):
    kept = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "genus").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"genus/py.typed", "genus/oracles/digits/model.safetensors"} <= kept
    with zipfile.ZipFile(built[0]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == kept


def test_the_sdist_builds_the_same_wheel(built, tmp_path):
    wheel, sdist = built
    shutil.unpack_archive(sdist, tmp_path)
    (source,) = tmp_path.iterdir()
    again = build(source, tmp_path / "again", "-t", "wheel") / wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_every_module_can_be_imported(place, commands):
    count, path = run(commands / "python", "-c", EVERY_MODULE, cwd=place).split(maxsplit=1)
    assert int(count) > 300
    assert Path(path.strip()).is_relative_to(place / "env")


def test_the_commands(place, commands):
    genus = commands / "genus"
    assert "sample" in run(genus, "--help", cwd=place)
    assert "realnvp" in run(genus, "list", cwd=place)
    run(genus, "fit", "made", "--data", "digits", "--rounds", "2", "--out", "made", cwd=place)
    run(genus, "sample", "made", "-n", "4", "--out", "made.png", cwd=place)
    assert (place / "made.png").read_bytes().startswith(b"\x89PNG")
