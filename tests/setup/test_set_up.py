"""Set-up steps run once, and say plainly what is missing and how to get it."""

import os
import shutil
import sys
import time
from pathlib import Path

import psutil
import pytest

from tools import set_up
from tools.fetch_servers import fetch_temporal
from tools.machine import (
    Need,
    ProgramMissing,
    chromium_binary,
    install_missing,
    postgres_programs,
    tesseract_binary,
    tesseract_chinese,
)
from tools.progress import StepFailed, run_step
from tools.servers import ServerMissing, cache_folder, temporal_binary, test_server_binary


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but an empty folder, and with an empty cache: returns the folder on PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    return tmp_path / "bin"


def put_program(file: Path) -> Path:
    """An executable file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_missing_temporal_server_says_three_ways_to_get_one(bare_machine: Path) -> None:
    assert not list(bare_machine.iterdir())
    with pytest.raises(ServerMissing, match=r"make setup.*on PATH.*TEMPORAL_ADDRESS"):
        temporal_binary()


def test_a_missing_test_server_says_how_to_get_it(bare_machine: Path) -> None:
    assert not list(bare_machine.iterdir())
    with pytest.raises(ServerMissing, match=r"make setup-test.*Java 17"):
        test_server_binary()


def test_a_temporal_on_path_goes_before_the_cached_one(bare_machine: Path) -> None:
    cached = put_program(cache_folder() / "bin" / "temporal")
    assert temporal_binary() == cached
    on_path = put_program(bare_machine / "temporal")
    assert temporal_binary() == on_path


def test_nothing_is_fetched_where_a_temporal_server_runs(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    fetch_temporal(bare_machine / "python")
    assert not cache_folder().exists()


def test_without_download_and_go_the_set_up_says_so_and_leaves_no_half_built_server(bare_machine: Path) -> None:
    # This Python cannot download: it is no program at all.
    with pytest.raises(StepFailed, match=r"Go 1.25 or newer.*TEMPORAL_ADDRESS"):
        fetch_temporal(bare_machine / "python")
    assert list(cache_folder().iterdir()) == []


def test_a_missing_browser_names_its_package(bare_machine: Path) -> None:
    assert not list(bare_machine.iterdir())
    with pytest.raises(ProgramMissing, match="apt-get install chromium"):
        chromium_binary()


def test_postgres_programs_are_found_off_path(bare_machine: Path) -> None:
    assert not list(bare_machine.iterdir())
    assert (postgres_programs() / "initdb").exists()


def test_packages_are_not_installed_by_others_than_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise ProgramMissing("not here")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StepFailed, match="sudo apt-get install abacus"):
        install_missing((Need(missing, "abacus"), Need(Path, "already-here")))


def test_a_stamp_is_current_until_something_it_was_made_from_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_up, "VENV", tmp_path)
    stamp = set_up.Stamp("packages", b"lock one")
    assert not stamp.is_current()
    stamp.renew()
    assert set_up.Stamp("packages", b"lock one").is_current()
    assert not set_up.Stamp("packages", b"lock two").is_current()


def test_assets_that_were_deleted_are_laid_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up, "ROOT", tmp_path)
    monkeypatch.setattr(set_up, "VENV", tmp_path)
    monkeypatch.setattr(set_up, "VENDOR", tmp_path / "vendor")
    (tmp_path / "package-lock.json").write_text("{}")
    for source in set_up.ASSETS | set_up.FONTS:
        (tmp_path / "node_modules" / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "node_modules" / source).write_text(source)
    npm = tmp_path / "bin" / "npm"
    put_program(npm)
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
    set_up.copy_assets()
    gone = tmp_path / "vendor" / "htmx.min.js"
    gone.unlink()

    set_up.copy_assets()

    assert gone.read_text() == "htmx.org/dist/htmx.min.js"
    assert (tmp_path / "services" / "paper_fonts" / "NotoSansSC-Bold.ttf").exists()


def test_missing_npm_is_said_in_plain_words(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not list(bare_machine.iterdir())
    monkeypatch.setattr(set_up, "VENV", tmp_path)
    with pytest.raises(StepFailed, match=r"Install Node\.js 20 or newer"):
        set_up.copy_assets()


def test_the_assets_of_this_checkout_are_there() -> None:
    assert all((set_up.VENDOR / name).stat().st_size > 0 for name in set_up.ASSETS.values())


def test_a_failing_step_shows_the_end_of_its_output() -> None:
    failing = [sys.executable, "-c", "print('first'); raise SystemExit('no room left')"]
    with pytest.raises(StepFailed, match=r"(?s)Moving in failed \(exit code 1\):.*no room left"):
        run_step("Moving in", failing)


def test_a_slow_step_shows_that_time_passes(capsys: pytest.CaptureFixture[str]) -> None:
    run_step("Waiting", [sys.executable, "-c", "import time; time.sleep(0.5)"], seconds_between_lines=0.1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Waiting …"
    assert len(lines) >= 4
    assert lines[-1].startswith("Waiting: done in 0.")


def test_a_step_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    shell = shutil.which("sh") or "sh"
    with pytest.raises(StepFailed, match="Compiling was given up after"):
        run_step("Compiling", [shell, "-c", f"sleep 600 & echo $! > {child}; wait"], timeout_seconds=0.5)
    number = int(child.read_text())
    give_up_at = time.monotonic() + 5
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_a_machine_without_the_reader_is_set_up_and_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> Path:
        raise ProgramMissing("not here")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(set_up, "READER_NEEDS", (Need(missing, "tesseract-ocr"),))
    set_up.install_reader()
    assert "Documents are not read without" in (told := "".join(capsys.readouterr()))
    assert "sudo apt-get install tesseract-ocr" in told


def test_the_reader_is_found_with_its_chinese() -> None:
    assert tesseract_binary().name == "tesseract"
    assert tesseract_chinese().name == "chi_sim.traineddata"
