"""Programs of the operating system: the reader of documents, and what the tests need: PostgreSQL, Chromium, a font."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.progress import StepFailed, run_step


class ProgramMissing(RuntimeError):
    """A program of the operating system is missing; the message names the package that has it."""


def postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`: the newest of Debian's, else the one on PATH."""
    versions = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()]
    if versions:
        return max(versions, key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    if found is None:
        raise ProgramMissing(_missing("PostgreSQL (initdb)", "postgresql"))
    return Path(found).resolve().parent


def chromium_binary() -> Path:
    """The browser that the page tests drive."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise ProgramMissing(_missing("Chromium", "chromium"))
    return Path(found)


def chinese_font() -> Path:
    """WenQuanYi Micro Hei, with which contracts and screenshots show Chinese on a bare server."""
    folders = (Path("/usr/share/fonts"), Path.home() / ".local/share/fonts")
    for folder in folders:
        for font in folder.rglob("wqy-microhei.ttc"):
            return font
    raise ProgramMissing(_missing("The font WenQuanYi Micro Hei", "fonts-wqy-microhei"))


def tesseract_binary() -> Path:
    """What reads pictures of documents."""
    found = shutil.which("tesseract")
    if found is None:
        raise ProgramMissing(_missing("Tesseract", "tesseract-ocr", "make setup"))
    return Path(found)


def tesseract_chinese() -> Path:
    """Its knowledge of simplified Chinese."""
    for folder in (Path("/usr/share/tesseract-ocr"), Path("/usr/share/tessdata"), Path("/usr/local/share/tessdata")):
        for trained in folder.rglob("chi_sim.traineddata"):
            return trained
    raise ProgramMissing(_missing("Tesseract's simplified Chinese", "tesseract-ocr-chi-sim", "make setup"))


def java_binary() -> Path:
    """The Java that runs the time-skipping test server."""
    found = shutil.which("java")
    if found is None:
        raise ProgramMissing(_missing("Java 17", "default-jre-headless"))
    return Path(found)


def maven_binary() -> Path:
    """Maven, which fetches the time-skipping test server."""
    found = shutil.which("mvn")
    if found is None:
        raise ProgramMissing(_missing("Maven", "maven"))
    return Path(found)


def _missing(what: str, package: str, target: str = "make setup-test") -> str:
    return (
        f"{what} is not on this machine. Install it, on Debian with `apt-get install {package}`, "
        f"or run `{target}` as root."
    )


@dataclass(frozen=True, slots=True)
class Need:
    """A program and the Debian package that brings it."""

    find: Callable[[], Path]
    package: str

    def is_met(self) -> bool:
        """Whether the program is here."""
        try:
            self.find()
        except ProgramMissing:
            return False
        return True


READER_NEEDS = (
    Need(tesseract_binary, "tesseract-ocr"),
    Need(tesseract_chinese, "tesseract-ocr-chi-sim"),
)
"""Without them all runs but the reading of documents, which wait meanwhile."""
TEST_NEEDS = (
    Need(postgres_programs, "postgresql"),
    Need(chromium_binary, "chromium"),
    Need(chinese_font, "fonts-wqy-microhei"),
    *READER_NEEDS,
)
# Only where Temporal's own download of the test server cannot be reached.
TEST_SERVER_NEEDS = (Need(java_binary, "default-jre-headless"), Need(maven_binary, "maven"))


def install_missing(needs: tuple[Need, ...], whose: str = "The tests need") -> None:
    """Installs the packages of unmet needs where we are root on Debian; refuses elsewhere and says what to install."""
    packages = [need.package for need in needs if not need.is_met()]
    if not packages:
        return
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StepFailed(
            f"{whose} what these Debian packages bring: {names}. Install them: sudo apt-get install {names}"
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run_step("Debian's package lists", ["apt-get", "update"], env=quiet)
    run_step(
        f"Debian's packages {names}", ["apt-get", "install", "-y", "--no-install-recommends", *packages], env=quiet
    )
    for need in needs:
        need.find()


def java_version(java: Path) -> int:
    """The main version of a Java, 17 for instance."""
    spoken = subprocess.run(
        [java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=True
    ).stderr
    line = next(line for line in spoken.splitlines() if "java.specification.version" in line)
    return int(line.split("=")[1].strip().removeprefix("1."))
