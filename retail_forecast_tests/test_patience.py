"""Waiting on an idle machine, on a busy one, and for what is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from retail_forecast.patience import Patience


@dataclass
class Machine:
    """Two processors, and a clock that is set by hand."""

    now: float = 0.0
    idle: float = 0.0

    def pass_by(self, seconds: float, *, idle_share: float) -> None:
        self.now += seconds
        self.idle += 2 * seconds * idle_share

    def patience(self, seconds: float, *, here: bool = True) -> Patience:
        return Patience(seconds, here=here, clock=lambda: self.now, idle_seconds=lambda: self.idle, processors=2)


@pytest.mark.parametrize(("idle_share", "is_over"), [(1.0, True), (0.5, False), (0.0, False)])
def test_time_counts_by_what_the_processors_had_to_spare(idle_share: float, is_over: bool) -> None:
    machine = Machine()
    patience = machine.patience(300)
    machine.pass_by(300, idle_share=idle_share)
    assert patience.is_over() is is_over
    assert patience.waited == 300


def test_a_busy_machine_is_given_ten_times_as_long_and_no_more() -> None:
    machine = Machine()
    patience = machine.patience(300)
    machine.pass_by(2999, idle_share=0.0)
    assert not patience.is_over()
    machine.pass_by(2, idle_share=0.0)
    assert patience.is_over()


def test_a_machine_that_becomes_idle_gives_up_from_then_on_as_ever() -> None:
    machine = Machine()
    patience = machine.patience(300)
    machine.pass_by(1000, idle_share=0.0)  # counts as 100 s
    assert not patience.is_over()
    machine.pass_by(199, idle_share=1.0)
    assert not patience.is_over()
    machine.pass_by(2, idle_share=1.0)
    assert patience.is_over()


def test_what_is_elsewhere_is_waited_for_by_the_clock() -> None:
    machine = Machine()
    patience = machine.patience(300, here=False)
    machine.pass_by(301, idle_share=0.0)
    assert patience.is_over()
