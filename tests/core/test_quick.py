"""Dataclasses that are quick to create behave as others do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from runner.core.quick import maker, quick


@quick
@dataclass(frozen=True, slots=True)
class Sample:
    """Every kind of field."""

    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list, kw_only=True)
    total: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", self.first + len(self.third))


@quick
@dataclass(frozen=True, slots=True)
class Pair:
    """Fields by position only."""

    left: int
    right: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Every kind of field, by name only."""

    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    total: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", self.first + len(self.third))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Nothing special."""

    left: int


make_made, make_plain = maker(Made), maker(Plain)


def test_what_a_maker_makes_is_what_the_class_makes() -> None:
    made = make_made(first=3, third=[1, 2])
    assert made == Made(first=3, third=[1, 2])
    assert (type(made), made.second, made.total) == (Made, "two", 5)
    assert repr(make_plain(left=1)) == repr(Plain(left=1))
    assert hash(make_plain(left=1)) == hash(Plain(left=1))
    assert make_made(first=1).third is not make_made(first=1).third


def test_what_a_maker_has_made_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        make_plain(left=1).left = 2  # type: ignore[misc]
    assert replace(make_made(first=1), first=2).total == 2


def test_a_maker_refuses_what_is_missing_or_unknown() -> None:
    with pytest.raises(TypeError, match="left"):
        make_plain()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="right"):
        make_plain(left=1, right=2)  # type: ignore[call-arg]


def test_fields_come_by_position_and_by_name() -> None:
    sample = Sample(1, "b", third=[1, 2])
    assert (sample.first, sample.second, sample.third, sample.total) == (1, "b", [1, 2], 3)


def test_what_is_left_out_has_its_default_and_its_own_list() -> None:
    one, other = Sample(1), Sample(first=1)
    assert one == other
    assert (one.second, one.third) == ("two", [])
    assert one.third is not other.third


def test_a_class_without_anything_special() -> None:
    assert Pair(1) == Pair(left=1, right=0)
    assert hash(Pair(1, 2)) == hash(Pair(1, 2))


def test_a_copy_with_a_change_is_made_as_ever() -> None:
    assert replace(Sample(1, third=[5]), first=2).total == 3


def test_what_is_missing_or_unknown_is_refused() -> None:
    with pytest.raises(TypeError, match="first"):
        Sample()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="fourth"):
        Sample(1, fourth=4)  # type: ignore[call-arg]


def test_nothing_can_be_set_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        Pair(1).left = 2  # type: ignore[misc]
