"""Sound headers, configs, links and calls, hurt at random: python -m tests.security.fuzz_texts TARGET COUNT [SEED]

Each goes the way that a stranger's goes. It must be understood or refused in a sentence: an input that fails
otherwise, takes seconds or ends the process is kept in tests/security/found, where it is a test from then on.
"""

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from resnet.util.errors import InputError

FOUND = Path(__file__).parent / "found"
SECONDS = 4  # of this process's own time, for one input


class Target(NamedTuple):
    """What is hurt.

    sound   values of JSON that are taken
    mutant  (chance, one of them) -> the same, hurt
    ask     opened once: an input -> what it was refused for, "" where it was taken; it raises where something failed
    """

    sound: Callable[[], list]
    mutant: Callable[[random.Random, Any], Any]
    ask: Callable[[], AbstractContextManager[Callable[[Any], str]]]


def targets() -> dict[str, Target]:
    from tests.security import fuzz_calls, fuzz_headers, fuzz_links

    return {"headers": fuzz_headers.HEADERS, "configs": fuzz_headers.CONFIGS, "links": fuzz_links.LINKS,
            "calls": fuzz_calls.CALLS}


def mutants(target: Target, count: int, seed: int) -> Iterator[Any]:
    chance, sound = random.Random(seed), target.sound()
    for _ in range(count):
        yield target.mutant(chance, chance.choice(sound))


def sentence(error: InputError) -> str:
    """The sentence of a refusal, which is one, in both languages, that can be sent."""
    found = str(error)
    assert 8 < len(found) < 700 and "\n" not in found and "Traceback" not in found, found
    assert error.sentence("zh").encode() != found.encode()
    return found


def problem_of(ask: Callable[[Any], str], case: Any) -> tuple[str, str]:
    """(what failed, "" for nothing; the refusal, "" for none)"""
    started = time.process_time()
    try:
        refusal = ask(case)
    except InputError as error:
        return f"refused by {error.key} past its place", ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300], ""
    seconds = time.process_time() - started
    return (f"{seconds:.1f} s" if seconds > SECONDS else ""), refusal


def kept(name: str) -> list:
    return [json.loads(file.read_text("ascii")) for file in sorted(FOUND.glob(f"{name}-*.json"))]


def main(name: str, count: int, seed: int = 0) -> int:
    """How many inputs failed. What is asked stands in a file meanwhile, which stays where it ends the process."""
    target, failed, refused, old = targets()[name], 0, 0, kept(name)
    FOUND.mkdir(exist_ok=True)
    trial = FOUND / f"{name}.{os.getpid()}.trial"
    with target.ask() as ask:
        for sound in target.sound():
            assert problem_of(ask, sound) == ("", ""), sound
        for case in (*old, *mutants(target, count, seed)):
            trial.write_text(told := json.dumps(case))
            problem, refusal = problem_of(ask, case)
            refused += bool(refusal)
            if problem:
                failed += 1
                file = trial.replace(FOUND / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json")
                print(f"{file.name}: {problem}")
    trial.unlink(missing_ok=True)
    print(f"{len(old)} kept and {count:,} new: {failed} failed, {refused:,} refused")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1], *map(int, sys.argv[2:]))))
