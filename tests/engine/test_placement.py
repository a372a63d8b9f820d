"""Who runs where: first come, first served, never more than there is, and everybody in the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.engine.placement import Placement, possible, refusal
from hyflow.model.jobs import JobId
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Request, Resources

GIB = 1 << 30


def box(name: str, cores: float | None, memory: int = 64 * GIB, gpus: int = 0, ahead: int = 0) -> Location:
    room = None if cores is None else Resources(cores, memory, gpus=gpus)
    return Location(name, "", HERE, "/work", {HERE: "/"}, room, room, ahead)


def asks(cores: float, memory: int = GIB, gpus: int = 0) -> Request:
    return Request(Resources(cores, memory, gpus=gpus), Resources(cores, memory, gpus=gpus))


def over(*locations: Location) -> Placement:
    return Placement.over({str(place): place for place in locations})


def job(number: int) -> JobId:
    return JobId("/s", (number,))


def placed(placement: Placement) -> list[tuple[int, str]]:
    return [(id.tag[0], name) for id, name, _ in placement.place()]


def test_as_many_as_fit() -> None:
    placement = over(box("a", 2))
    for number in range(3):
        placement.enqueue(job(number), asks(1), ("a",))
    assert placed(placement) == [(0, "a"), (1, "a")]
    assert placed(placement) == []
    placement.release(job(0), "a", asks(1).least)
    assert placed(placement) == [(2, "a")]


def test_memory_holds_back_too() -> None:
    placement = over(box("a", 8, 3 * GIB))
    for number in range(2):
        placement.enqueue(job(number), asks(1, 2 * GIB), ("a",))
    assert placed(placement) == [(0, "a")]


def test_a_large_request_is_not_overtaken() -> None:
    placement = over(box("a", 2))
    placement.enqueue(job(0), asks(1), ("a",))
    placement.enqueue(job(1), asks(2), ("a",))
    placement.enqueue(job(2), asks(1), ("a",))
    assert placed(placement) == [(0, "a")]
    placement.release(job(0), "a", asks(1).least)
    assert placed(placement) == [(1, "a")]


def test_who_waits_elsewhere_is_not_held_up() -> None:
    placement = over(box("a", 1), box("b", 1))
    placement.enqueue(job(0), asks(1), ("a",))
    placement.enqueue(job(1), asks(1), ("a",))
    placement.enqueue(job(2), asks(1), ("b",))
    assert placed(placement) == [(0, "a"), (2, "b")]


def test_the_best_location_first_then_the_next() -> None:
    placement = over(box("a", 1), box("b", 1))
    for number in range(3):
        placement.enqueue(job(number), asks(1), ("b", "a"))
    assert placed(placement) == [(0, "b"), (1, "a")]


def test_a_site_that_queues_takes_all() -> None:
    placement = over(box("a", 1), box("queue", None))
    for number in range(4):
        placement.enqueue(job(number), asks(99), ("queue",))
    assert len(placed(placement)) == 4
    placement.release(job(0), "queue", asks(99).least)


def test_a_site_that_queues_takes_so_many_at_a_time() -> None:
    placement = over(box("queue", None, ahead=2), box("b", 1))
    for number in range(3):
        placement.enqueue(job(number), asks(99), ("queue",))
    placement.enqueue(job(3), asks(1), ("queue", "b"))
    assert placed(placement) == [(0, "queue"), (1, "queue"), (3, "b")]
    placement.release(job(1), "queue", asks(99).least)
    assert placed(placement) == [(2, "queue")]


@given(st.integers(1, 4), st.integers(0, 6), st.integers(0, 12), st.randoms())
def test_at_a_site_that_queues_never_more_are_under_way_and_all_come_to_it(ahead: int, adopted: int, count: int, chance: object) -> None:
    placement = over(box("queue", None, ahead=ahead))
    there = list(range(adopted))
    for number in there:
        placement.adopt(job(number), "queue", asks(1).least)
    for number in range(adopted, adopted + count):
        placement.enqueue(job(number), asks(1), ("queue",))
    order: list[int] = []
    while True:
        free = max(0, ahead - len(there))
        fresh = [number for number, _ in placed(placement)]
        assert len(fresh) == min(free, count - len(order))
        order, there = order + fresh, there + fresh
        if not there:
            break
        placement.release(job(there.pop(chance.randrange(len(there)))), "queue", asks(1).least)  # type: ignore[attr-defined]  # a random.Random
    assert order == list(range(adopted, adopted + count))


def test_a_location_takes_some_ahead_of_time() -> None:
    placement = over(box("a", 1, ahead=2))
    for number in range(5):
        placement.enqueue(job(number), asks(1), ("a",))
    assert placed(placement) == [(0, "a"), (1, "a"), (2, "a")]
    placement.release(job(0), "a", asks(1).least)
    assert placed(placement) == [(3, "a")]
    placement.release(job(2), "a", asks(1).least)  # one that had no room yet has failed: nothing moves up
    assert placed(placement) == [(4, "a")]


def test_who_may_run_elsewhere_is_not_sent_ahead() -> None:
    placement = over(box("a", 1, ahead=9), box("b", 1, ahead=9))
    for number in range(4):
        placement.enqueue(job(number), asks(1), ("a", "b"))
    assert placed(placement) == [(0, "a"), (1, "b")]


def test_nobody_waits_after_clear() -> None:
    placement = over(box("a", 1))
    placement.enqueue(job(0), asks(1), ("a",))
    placement.clear()
    assert placed(placement) == []


@given(st.lists(st.integers(1, 4), max_size=30), st.integers(0, 5), st.randoms())
def test_those_sent_ahead_move_up_in_their_order_and_all_room_comes_back(wishes: list[int], ahead: int, chance: object) -> None:
    placement = over(box("a", 4, ahead=ahead))
    for number, cores in enumerate(wishes):
        placement.enqueue(job(number), asks(cores), ("a",))
    there: list[int] = []
    while fresh := placed(placement) or there:
        if fresh is not there:
            there += [number for number, _ in fresh]
            early = [id.tag[0] for id in placement.rooms["a"].early]
            assert len(early) <= ahead
            assert there[len(there) - len(early):] == early
            assert sum(wishes[number] for number in there if number not in early) <= 4
            continue
        number = there.pop(chance.randrange(len(there)))  # type: ignore[attr-defined]  # a random.Random
        placement.release(job(number), "a", asks(wishes[number]).least)
    assert placement.rooms["a"].free == Resources(4, 64 * GIB)
    assert not placement.rooms["a"].early


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a")])), max_size=20), st.randoms())
def test_all_are_placed_once_in_the_end_and_never_more_than_there_is(wishes: list[tuple[int, tuple[str, ...]]], chance: object) -> None:
    room = {"a": 4.0, "b": 5.0}
    placement = over(box("a", 4), box("b", 5))
    for number, (cores, names) in enumerate(wishes):
        placement.enqueue(job(number), asks(cores), names)
    running: list[tuple[int, str]] = []
    order: list[int] = []
    while True:
        fresh = placed(placement)
        running += fresh
        order += [number for number, _ in fresh]
        for name, cores in room.items():
            assert sum(wishes[number][0] for number, place in running if place == name) <= cores
        if not running:
            break
        number, name = running.pop(chance.randrange(len(running)))  # type: ignore[attr-defined]  # a random.Random
        placement.release(job(number), name, asks(wishes[number][0]).least)
    assert sorted(order) == list(range(len(wishes)))
    assert all(room == placement.rooms[name].free.cores for name, room in room.items())  # type: ignore[union-attr]  # both have capacity
    for names in {names for _, names in wishes if len(names) == 1}:
        mine = [number for number in order if wishes[number][1] == names]
        assert mine == sorted(mine)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asks(3), "asks for 3 cores"),
        (asks(1, 65 * GIB), "66,560 MiB of memory"),
        (asks(1, GIB, 1), "1 GPUs"),
        (asks(9, 3 * GIB), r"a has 2 cores, 65,536 MiB of memory; b has 1 cores, 65,536 MiB of memory"),
    ],
)
def test_what_can_never_be_is_said(request_: Request, words: str) -> None:
    reason = refusal(request_, [box("a", 2), box("b", 1)])
    assert reason is not None
    assert words in reason


def test_what_one_location_can_give_is_possible() -> None:
    assert possible(asks(2), [box("b", 1), box("a", 2)]) == (box("a", 2),)
    assert possible(asks(99), [box("b", 1), box("queue", None)]) == (box("queue", None),)
