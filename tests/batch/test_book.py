"""Which attempts are in which job, while they come, move and end."""

from __future__ import annotations

from hyflow.batch.book import Book
from hyflow.batch.grouping import Batch, Element
from hyflow.batch.marks import Seat
from hyflow.batch.system import Shape
from hyflow.model.jobs import Key

A, B, C = Key("a"), Key("b"), Key("c")
BATCH = Batch(Shape(1, None, 0, None), (Element((A, B), 2), Element((C,), 1)), "/step")


def filled() -> Book:
    book = Book(steps={A: "/step"})
    book.add("one", BATCH, "7")
    return book


def test_a_batch_is_as_many_jobs_as_it_has_elements() -> None:
    book = filled()
    assert (book.jobs, book.ids, book.shared) == (2, {"one": "7"}, {Seat("one", 0)})
    assert book.seats == {A: Seat("one", 0), B: Seat("one", 0), C: Seat("one", 1)} and book.batches([A, C, Key("x")]) == {"one"}


def test_a_job_is_over_when_the_last_of_its_attempts_is() -> None:
    book = filled()
    assert [book.end(key) for key in (A, B, C, C, Key("x"))] == [False, True, True, False, False]
    assert (book.jobs, book.shared, book.seats, book.steps) == (0, set(), {}, {})


def test_an_attempt_that_another_batch_began_is_there() -> None:
    book = filled()
    book.know(A, Seat("two", 0), "8")
    assert book.open == {Seat("one", 0): {B}, Seat("one", 1): {C}, Seat("two", 0): {A}}
    assert book.steps == {A: "/step"} and book.ids == {"one": "7", "two": "8"}


def test_what_is_known_already_changes_nothing() -> None:
    book = filled()
    book.began.add(A)
    book.know(A, Seat("one", 0))
    assert book.began == {A} and book.ids == {"one": "7"} and book.jobs == 2
