import threading
import time

import pytest

from resnet.util.lru import Shelf


def test_the_least_recently_asked_leaves_first():
    shelf = Shelf(10, len)
    for key in "abc":
        shelf.get(key, lambda: "xxxx")
        shelf.get("a", lambda: "never made")
    assert shelf.keys() == ["c", "a"]
    assert shelf.get("b", lambda: "again") == "again"


def test_what_is_larger_than_the_shelf_stays_until_the_next():
    shelf = Shelf(3, len)
    big = shelf.get("big", lambda: "x" * 100)
    assert shelf.get("big", lambda: "") is big
    shelf.get("small", lambda: "x")
    assert shelf.keys() == ["small"]


def test_each_thing_is_made_once_and_others_are_made_meanwhile():
    shelf, made, gate = Shelf(100, len), [], threading.Event()

    def slowly():
        made.append("slow")
        assert gate.wait(10)
        return "slow"

    threads = [threading.Thread(target=shelf.get, args=("slow", slowly)) for _ in range(4)]
    [thread.start() for thread in threads]
    assert shelf.get("quick", lambda: "quick") == "quick"
    gate.set()
    [thread.join(10) for thread in threads]
    assert made == ["slow"] and set(shelf.keys()) == {"slow", "quick"}


def test_who_waits_for_a_failure_gets_it_and_the_next_tries_again():
    shelf, gate, caught = Shelf(100, len), threading.Event(), []

    def fail():
        assert gate.wait(10)
        raise ValueError("no")

    def ask():
        with pytest.raises(ValueError):
            shelf.get("key", fail)
        caught.append(True)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    [thread.start() for thread in threads]
    time.sleep(0.05)
    gate.set()
    [thread.join(10) for thread in threads]
    assert len(caught) == 3 and shelf.keys() == []
    assert shelf.get("key", lambda: "well") == "well"
