"""
What can happen with every request is logged once a second.
"""

from __future__ import annotations

from txbalancer.proxy.throttle import Guesses, Throttle


def test_one_message_a_second_and_a_count_of_the_others() -> None:
    """
    The first goes through at once, the next after a second, with what was withheld.
    """
    throttle = Throttle()
    said = [throttle.permit(now) for now in (5.0, 5.1, 5.9, 6.0, 6.5, 8.0, 9.5)]
    assert said == ["", None, None, " (and 2 more like it)", None, " (and 1 more like it)", ""]


def test_ten_guesses_and_then_one_in_six_seconds() -> None:
    """
    Who was wrong ten times waits for six seconds, and then again after each wrong guess.
    """
    guesses = Guesses()
    for number in range(10):
        assert guesses.wait("192.0.2.1", 100.0) == 0
        guesses.wrong("192.0.2.1", b"%d" % number, 100.0)
    assert guesses.wait("192.0.2.1", 100.0) == 6.0
    assert guesses.wait("192.0.2.2", 100.0) == 0
    assert guesses.wait("192.0.2.1", 106.0) == 0
    guesses.wrong("192.0.2.1", b"x", 106.0)
    assert guesses.wait("192.0.2.1", 106.0) == 6.0
    assert guesses.wait("192.0.2.1", 1000.0) == 0


def test_one_wrong_guess_again_and_again_is_one() -> None:
    """
    A program with an old password is not shut out, however often it comes.
    """
    guesses = Guesses()
    for _ in range(100):
        guesses.wrong("192.0.2.1", b"old", 5.0)
    assert guesses.wait("192.0.2.1", 5.0) == 0


def test_what_another_process_has_seen_counts() -> None:
    """
    It counts as an own one, but is not told again; nor is one that is no other.
    """
    guesses, told = Guesses(most=2), []
    guesses.on_wrong = lambda client, guess: told.append(guess)
    assert guesses.learn("192.0.2.1", b"a", 0.0)
    assert not guesses.learn("192.0.2.1", b"a", 0.0)
    guesses.wrong("192.0.2.1", b"a", 0.0)
    assert told == []
    guesses.wrong("192.0.2.1", b"b", 0.0)
    guesses.wrong("192.0.2.1", b"b", 0.0)
    assert told == [b"b"]
    assert guesses.wait("192.0.2.1", 0.0) > 0


def test_a_network_of_ipv6_is_one_client() -> None:
    """
    Nobody has more guesses for having more addresses of one network.
    """
    guesses = Guesses(most=2)
    guesses.wrong("2001:db8:0:7::1", b"a", 0.0)
    guesses.wrong("2001:db8:0:7:ffff::2%eth0", b"b", 0.0)
    assert guesses.wait("2001:db8:0:7::3", 0.0) > 0
    assert guesses.wait("2001:db8:0:8::3", 0.0) == 0
    assert guesses.wait("2001:db8::1", 0.0) == 0


def test_guessers_are_forgotten_when_there_are_too_many() -> None:
    """
    What is remembered is bounded; those who were wrong longest ago go first.
    """
    guesses = Guesses(most=1)
    for number in range(5000):
        guesses.wrong(f"10.0.{number // 250}.{number % 250}", b"x", 0.0)
    assert guesses.wait("10.0.0.0", 0.0) == 0
    assert guesses.wait("10.0.19.249", 0.0) > 0
