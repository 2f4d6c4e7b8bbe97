"""A comparison in words needs two seeds on each side, all of one below all of the other."""

import pytest

from resnet.lab.verdict import compared


@pytest.mark.parametrize("first, second, key, lower, higher", [
    ((5.0, 6.0), (7.0, 8.0, 9.0), "every_seed", True, False),
    ((7.0, 8.0), (5.0, 6.0), "every_seed", False, True),
    ((5.0, 7.5), (7.0, 8.0), "overlap", False, False),
    ((5.0, 6.0), (6.0, 8.0), "overlap", False, False),
    ((5.0,), (7.0,), "one_each", False, False),
    ((5.0,), (7.0, 8.0), "one_seed", False, False),
])
def test_the_rule(first, second, key, lower, higher):
    found = compared(first, second)
    assert (found.key, found.lower, found.higher) == (key, lower, higher)


def test_one_seed_is_below_but_not_lower():
    found = compared([14.5], [6.8])
    assert found.above and not found.higher and found.difference == pytest.approx(7.7)


def test_a_share_may_be_asked_for():
    assert compared([1.0, 1.0], [1.005, 1.006]).lower
    assert compared([1.0, 1.0], [1.005, 1.006], clear=0.01).key == "overlap"


def test_the_words_say_what_it_survived():
    assert compared([1, 2], [3, 4, 5]).words() == "in every seed (2 and 3)"
    assert compared([1], [3]).words() == "one seed each"
    assert "2" in compared([1], [3, 4]).words() and "not" in compared([1, 3], [2, 4]).words()
    assert "2" in compared([1, 2], [3, 4]).words("zh")
