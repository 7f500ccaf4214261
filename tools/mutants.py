"""`python -m tools.mutants`: breaks the loan mathematics in chosen ways and counts how often a test notices.

mutmut makes the mutants, settles which tests reach each and runs them; here is what it lacks: a sample drawn by a seed,
so that the same figure can be had again. The rooms are copied first: nothing in the checkout is changed.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tomllib
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
WORK = CHECKOUT / "build" / "mutants"
COPIED = ("lending", "tests/lending", "tests/cases")
AT_LEAST_PERCENT = 85
NOTICED = ("killed", "timeout", "segfault")
"""A loop that never ends is noticed as surely as a wrong figure."""

# Shrinking a failing example costs seconds and decides nothing here; chance would make a figure that nobody can have
# again; and with all examples a mutant that survives costs a minute.
CONFTEST = """
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("mutants")


def pytest_collection_modifyitems(items):
    for item in items:
        own = getattr(item.obj, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples > 60:
            item.obj._hypothesis_internal_use_settings = settings(own, max_examples=60)
"""


def main() -> int:
    """Reads the command line, draws, runs and reports; 1 if too few mutants were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Mutation run over the mathematics.")
    parser.add_argument("--count", type=int, default=500, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], metavar="MUTANT", help="these instead of a sample")
    parser.add_argument("--work", type=Path, default=WORK, help="where to work; emptied first")
    given = parser.parse_args()
    _lay_out(given.work)
    os.chdir(given.work)
    # mutmut reads the settings of the folder it is loaded in.
    from mutmut import __main__ as mutmut
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

    Path("mutants").mkdir()
    copy_src_dir()
    copy_also_copy_files()
    mutmut.create_mutants(1)
    every = sorted(name for _, name, _ in mutmut.collect_source_file_mutation_data(mutant_names=())[0])
    drawn = given.only or sorted(random.Random(given.seed).sample(every, min(given.count, len(every))))
    mutmut._run(drawn, given.processes)
    found = mutmut.collect_source_file_mutation_data(mutant_names=drawn)[0]
    results = {name: status_by_exit_code[code] for _, name, code in found}
    return _report(results, len(every), given.seed)


def _lay_out(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    for folder in COPIED:
        shutil.copytree(CHECKOUT / folder, work / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (work / "tests" / "__init__.py").touch()
    (work / "tests" / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    pytest_options = '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\npythonpath = ["."]\n'
    (work / "pyproject.toml").write_text("\n".join(["[tool.mutmut]", *lines, pytest_options]), encoding="utf-8")


def _report(results: dict[str, str], all_mutants: int, seed: int) -> int:
    counts = Counter(results.values())
    noticed = sum(counts[status] for status in NOTICED)
    percent = 100 * noticed / len(results)
    lines = [f"{status}: {count}" for status, count in counts.most_common()]
    lines += [f"{name}: {status}" for name, status in sorted(results.items()) if status not in NOTICED]
    lines.append(f"{noticed} of {len(results)} noticed ({percent:.1f} %), drawn with seed {seed} from {all_mutants}")
    text = "\n".join(lines)
    Path("report.txt").write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0 if percent >= AT_LEAST_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
