"""What the file of the kill switches holds."""

from __future__ import annotations

from pydantic import Field

from tradingbot.engine.models import StateModel
from tradingbot.guards.switch_state import SwitchState


class KillSwitchesState(StateModel):
    """`state/kill_switches.json`: which switches are tripped, and what all of them measure from."""

    state: SwitchState = Field(default_factory=SwitchState)

    @classmethod
    def of(cls, state: SwitchState) -> KillSwitchesState:
        """The content for a state."""
        return cls.model_construct(state=state)
