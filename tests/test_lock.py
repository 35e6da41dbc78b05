"""What make installs: the two locks and the constraints agree, and the project accepts them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-cpu.lock")
OF_CUDA = ("nvidia-", "cuda-", "triton")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SYSTEMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
]


def entries(name):
    """The pinned requirements of a file, and the hashes of each."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            words, *hashes = line.split("--hash=")
            yield Requirement(words), [value.strip() for value in hashes]


def pins(name, system, python):
    """The version of each package that a file gives to a system: 2.13.0 also for 2.13.0+cpu."""
    here = default_environment() | system
    here |= {"python_version": python, "python_full_version": f"{python}.1"}
    taken = [one for one, _ in entries(name) if one.marker is None or one.marker.evaluate(here)]
    found = {one.name: str(one.specifier).removeprefix("==").partition("+")[0] for one in taken}
    assert len(found) == len(taken), "a package stands twice"
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_everything_has_a_version_and_hashes(name):
    for one, hashes in entries(name):
        assert re.fullmatch(r"==[^,*]+", str(one.specifier)), one
        assert hashes, one
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", value) for value in hashes), one


@pytest.mark.parametrize("name", [*LOCKS, "constraints.txt"])
def test_no_address_is_in_it(name):
    assert not re.search(r"://|--index|--find-links| @ ", (ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: "-".join(system.values()))
def test_the_locks_and_the_constraints_agree(system, python):
    whole, cpu = (pins(name, system, python) for name in LOCKS)
    assert whole == pins("constraints.txt", system, python)
    assert cpu == {name: version for name, version in whole.items() if not name.startswith(OF_CUDA)}


def test_the_lock_without_cuda_has_a_torch_for_linux_of_its_own():
    versions = [str(one.specifier) for one, _ in entries("requirements-cpu.lock")]
    assert any(version.endswith("+cpu") for version in versions)
    assert not any(one.name.startswith(OF_CUDA) for one, _ in entries("requirements-cpu.lock"))


@pytest.mark.parametrize("name", LOCKS)
def test_it_has_what_the_project_asks_for(name):
    locked = pins(name, SYSTEMS[0], "3.11")
    project = PROJECT["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for one in map(Requirement, [*asked, *PROJECT["build-system"]["requires"]]):
        assert one.specifier.contains(locked[canonicalize_name(one.name)]), one
