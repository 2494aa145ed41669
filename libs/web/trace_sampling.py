"""Which traces are sampled, by the environment variables of OpenTelemetry.

The SDK's own samplers decide the same and take ten times as long, which every request would pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import getrandbits

from libs.web.settings import SettingsError

SAMPLER, ARGUMENT = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
DEFAULT = "parentbased_always_on"
_FOLLOWING = "parentbased_"
_RANDOM_BITS = 64
_SAMPLED = 0x01


@dataclass(frozen=True, slots=True)
class Sampling:
    """A trace is sampled if the last 64 bits of its id are below `bound`, as every SDK decides it,
    so that services agree. If `follows_parent`, the caller's decision holds where there is one."""

    bound: int
    follows_parent: bool

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Sampling:
        """Raises `SettingsError` for a sampler or a ratio that OpenTelemetry does not define."""
        name = environ.get(SAMPLER) or DEFAULT
        root = name.removeprefix(_FOLLOWING)
        if root not in ("always_on", "always_off", "traceidratio"):
            mistake = f"{SAMPLER} must be always_on, always_off or traceidratio, or one of them"
            raise SettingsError((f"{mistake} after {_FOLLOWING}; it is {name!r}",))
        ratio = _ratio(environ) if root == "traceidratio" else float(root == "always_on")
        return cls(round(ratio * 2**_RANDOM_BITS), name.startswith(_FOLLOWING))

    def new_trace(self) -> bytes | None:
        """The id of a new trace, or None if it is not sampled."""
        low = getrandbits(_RANDOM_BITS)
        if low >= self.bound:
            return None
        # Never 0, which is no valid id.
        return (getrandbits(_RANDOM_BITS) << _RANDOM_BITS | low or 1).to_bytes(16, "big")

    def covers(self, trace_id: bytes, flags: int) -> bool:
        """Whether to sample a trace that began elsewhere, with the flags of its `traceparent`."""
        if self.follows_parent:
            return bool(flags & _SAMPLED)
        return int.from_bytes(trace_id[8:], "big") < self.bound


def _ratio(environ: Mapping[str, str]) -> float:
    text = environ.get(ARGUMENT) or "1.0"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise SettingsError((f"{ARGUMENT} must be a number from 0 to 1; it is {text!r}",))
    return ratio
