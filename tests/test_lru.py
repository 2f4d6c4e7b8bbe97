import threading
import time

import pytest

from resnet.util.lru import LRU


def test_the_least_recently_asked_leaves_first():
    cache = LRU(10, len)
    for key in "abc":
        cache.get(key, lambda: "xxxx")
        cache.get("a", lambda: "never made")
    assert cache.keys() == ["c", "a"]
    assert cache.get("b", lambda: "again") == "again"


def test_what_is_larger_than_the_limit_stays_until_the_next():
    cache = LRU(3, len)
    big = cache.get("big", lambda: "x" * 100)
    assert cache.get("big", lambda: "") is big
    cache.get("small", lambda: "x")
    assert cache.keys() == ["small"]


def test_each_thing_is_made_once_and_others_are_made_meanwhile():
    cache, made, gate = LRU(100, len), [], threading.Event()

    def slowly():
        made.append("slow")
        assert gate.wait(10)
        return "slow"

    threads = [threading.Thread(target=cache.get, args=("slow", slowly)) for _ in range(4)]
    [thread.start() for thread in threads]
    assert cache.get("quick", lambda: "quick") == "quick"
    gate.set()
    [thread.join(10) for thread in threads]
    assert made == ["slow"] and set(cache.keys()) == {"slow", "quick"}


def test_who_waits_for_a_failure_gets_it_and_the_next_tries_again():
    cache, gate, caught = LRU(100, len), threading.Event(), []

    def fail():
        assert gate.wait(10)
        raise ValueError("no")

    def ask():
        with pytest.raises(ValueError):
            cache.get("key", fail)
        caught.append(True)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    [thread.start() for thread in threads]
    time.sleep(0.05)
    gate.set()
    [thread.join(10) for thread in threads]
    assert len(caught) == 3 and cache.keys() == []
    assert cache.get("key", lambda: "well") == "well"


def test_without_a_size_things_are_counted():
    cache = LRU(2)
    for key in "abc":
        cache.get(key, lambda key=key: key * 100)
    assert cache.keys() == ["b", "c"]


def test_what_is_too_old_is_made_anew(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    cache = LRU(10, seconds=60)
    cache.get("made", lambda: "old")
    cache.put("put", "old")
    now[0] = 59
    assert cache.get("made", lambda: "new") == cache.peek("put") == "old"
    now[0] = 61
    assert cache.peek("made") is None and cache.pop("put") is None
    assert cache.get("made", lambda: "new") == cache.peek("made") == "new"


def test_peeking_does_not_count_as_asking_but_putting_does():
    cache = LRU(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert (cache.peek("a"), cache.peek("never")) == (1, None)
    cache.put("c", 3)
    assert cache.keys() == ["b", "c"]
    cache.put("b", 4)
    assert cache.keys() == ["c", "b"] and cache.peek("b") == 4


def test_what_is_popped_is_gone():
    cache = LRU(2)
    cache.put("a", 1)
    assert (cache.pop("a"), cache.pop("a"), cache.peek("a")) == (1, None, None)


def test_a_making_that_was_cleared_away_harms_no_later_one():
    cache, gate, begun, caught = LRU(2), threading.Event(), threading.Event(), []

    def fail():
        begun.set()
        assert gate.wait(10)
        raise ValueError("no")

    def ask():
        with pytest.raises(ValueError):
            cache.get("key", fail)
        caught.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(10) and cache.peek("key") is None
    cache.clear()
    cache.put("key", "later")
    gate.set()
    thread.join(10)
    assert caught and cache.peek("key") == "later"


def test_what_is_too_old_is_forgotten_when_it_is_tidied():
    cache: LRU[str] = LRU(9, seconds=0.05)
    cache.put("old", "a")
    assert cache.values() == ["a"] and cache.tidy() == 1
    time.sleep(0.06)
    cache.put("new", "b")
    assert cache.keys() == ["old", "new"] and cache.values() == ["b"]
    assert cache.tidy() == 1 and cache.keys() == ["new"]
