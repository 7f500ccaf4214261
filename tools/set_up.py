"""Sets up the checkout: `python3 -m tools.set_up` for running it, `… tests` for testing it as well.

Each step leaves a stamp of what it was made from, so that a second run does nothing and takes a fraction of a second.
"""

import fcntl
import hashlib
import shutil
import signal
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.fetch_servers import fetch_temporal, fetch_test_server
from tools.machine import READER_NEEDS, TEST_NEEDS, ProgramMissing, install_missing
from tools.progress import StepFailed, run_step, say

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
VENDOR = ROOT / "web" / "static" / "vendor"
ASSETS = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "echarts/dist/echarts.min.js": "echarts.min.js",
    "echarts/LICENSE": "echarts.LICENSE.txt",
    "echarts/NOTICE": "echarts.NOTICE.txt",
    "htmx-ext-sse/dist/sse.min.js": "htmx-ext-sse.min.js",
    "htmx-ext-sse/LICENSE": "htmx-ext-sse.LICENSE.txt",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
}

FONTS = {
    "@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf": "NotoSansSC-Regular.ttf",
    "@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf": "NotoSansSC-Bold.ttf",
}
"""What contracts and other papers are set in. Locked like the rest: another version of a font gives other bytes."""


class Stamp:
    """Remembers what a step was made from, inside the environment, so that both vanish together."""

    def __init__(self, step: str, *made_from: str | bytes) -> None:
        self._file = VENV / "set-up" / step
        digest = hashlib.sha256()
        for part in made_from:
            digest.update(part.encode() if isinstance(part, str) else part)
        self._digest = digest.hexdigest()

    def is_current(self) -> bool:
        """Whether the step was done with exactly these things."""
        return self._file.exists() and self._file.read_text() == self._digest

    def renew(self) -> None:
        """To be called when the step is done."""
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(self._digest)


def make_environment() -> None:
    """The virtual environment, filled from the hashed lock, with the project itself installed in editable mode."""
    if not PYTHON.exists():
        say(f"Python environment {VENV.name}, with Python {sys.version.split()[0]}")
        venv.create(VENV, clear=True, symlinks=True, with_pip=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps"]
    packages = Stamp("packages", LOCK.read_bytes())
    if not packages.is_current():
        run_step("Python packages from the lock", [*pip, "--require-hashes", "-r", LOCK])
        packages.renew()
    project = Stamp("project", (ROOT / "pyproject.toml").read_bytes(), str(ROOT))
    if not project.is_current():
        editable: list[str | Path] = ["--no-build-isolation", "--config-settings", "editable_mode=compat", "-e", ROOT]
        run_step("Loanwright itself", [*pip, *editable])
        project.renew()


def copy_assets() -> None:
    """Styles and scripts of the pages and the font of the papers, from the npm lock to where they are read."""
    stamp = Stamp("assets", (ROOT / "package-lock.json").read_bytes(), repr(sorted((ASSETS | FONTS).items())))
    if stamp.is_current() and all(target.exists() for target in _targets().values()):
        return
    if shutil.which("npm") is None:
        raise StepFailed(
            "The pages' styles and scripts and the papers' font come from npm, which is missing. "
            "Install Node.js 20 or newer with npm."
        )
    run_step(
        "Styles, scripts and the papers' font from the npm lock",
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=ROOT,
    )
    lay_out_assets()
    stamp.renew()


def lay_out_assets() -> None:
    """Copies what pages and papers load out of node_modules; the image is built with this as well."""
    targets = _targets()
    for folder in {target.parent for target in targets.values()}:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for source, target in targets.items():
        shutil.copyfile(ROOT / "node_modules" / source, target)


def install_reader() -> None:
    """Tesseract with its Chinese, where we may install it; elsewhere says how, since all else runs without it."""
    try:
        install_missing(READER_NEEDS, "Documents are not read without")
    except StepFailed as refusal:
        say(str(refusal))


def _targets() -> dict[str, Path]:
    """Where each file of node_modules goes."""
    pages = {source: VENDOR / name for source, name in ASSETS.items()}
    return pages | {source: ROOT / "services" / "paper_fonts" / name for source, name in FONTS.items()}


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two `make` at once must not install into one environment; the second waits."""
    with LOCK.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """Runs every step that is not current; tells in plain words what stopped it."""
    for_tests = arguments == ["tests"]
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))  # so that the step under way is ended as well
    try:
        with _one_at_a_time():
            make_environment()
            copy_assets()
            install_reader()
            fetch_temporal(PYTHON)
            if for_tests:
                install_missing(TEST_NEEDS)
                fetch_test_server(PYTHON)
    except (StepFailed, ProgramMissing) as refusal:
        say(f"\nThe set-up stopped. {refusal}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
