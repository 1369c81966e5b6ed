"""The project's files as the rules of the architecture see them: by name and as text."""
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=None)
def tracked(*suffixes):
    """The project's files: those that git knows or would."""
    told = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    files = {ROOT / name for name in told.stdout.splitlines() if name.endswith(suffixes)}
    return sorted(path for path in files if path.is_file())


@lru_cache(maxsize=None)
def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def report(problems):
    assert not problems, "\n" + "\n".join(str(problem) for problem in problems)
