"""Whether a run was as it is promised."""

import dataclasses
import statistics

FLAT_BYTES = 16 << 20


@dataclasses.dataclass
class Verdict:
    holds: bool
    text: str


def is_served(answer):
    return 200 <= answer.status < 300


def opened_at(told):
    return next((look.at for look in told.looks if look.at >= told.slow_at and look.state == 1), None)


def _ms(seconds):
    return f"{seconds * 1000:.1f} ms"


def _opening(told):
    at = opened_at(told)
    if at is None:
        return Verdict(False, "the breaker never opened")
    # Good calls of before roll out of the window meanwhile; what begins before they are gone ends a time-out later.
    return Verdict(at - told.slow_at <= told.window_s + 2 * told.timeout_s, f"the breaker opened {at - told.slow_at:.1f} s after {told.called} became slow (its window: {told.window_s:.0f} s)")


def _refusals(told):
    """Probes that came while it was open; the one call that a half-open breaker lets through waits its time-out."""
    at = opened_at(told)
    refused = [one.waited for one in told.probes if at is not None and at < one.at < told.well_at and one.status == 503]
    quick = [waited for waited in refused if waited < told.timeout_s / 2]
    if not quick:
        return Verdict(False, "nobody was refused at once")
    return Verdict(len(quick) >= 0.8 * len(refused), f"{len(quick)} of {len(refused)} who were refused while it was open waited {_ms(statistics.median(quick))} in the middle, "
                                                     f"{_ms(max(quick))} at most, instead of {told.timeout_s * 1000:.0f} ms")


def _goods(told):
    served = sum(map(is_served, told.answers)) + sum(map(is_served, told.probes))
    return Verdict(told.taken == told.owed, f"{told.sides[0]}: {told.taken:,}; {told.sides[1]}: {told.owed:,} (customers were told yes {served:,} times)")


def _memory(told):
    before = max((look.memory for look in told.looks if look.at < told.slow_at), default=0)
    most = max((look.memory for look in told.looks), default=0)
    return Verdict(most - before <= FLAT_BYTES, f"{told.caller}'s memory grew by {max(0, most - before) / (1 << 20):.1f} MiB while {told.called} was slow and after")


def _again(told):
    """A sleep window may have begun with the last moment of slowness, and its last probe takes a time-out."""
    after = next((one.at - told.well_at for one in sorted(told.answers + told.probes, key=lambda one: one.at) if one.at > told.well_at and is_served(one)), None)
    if after is None:
        return Verdict(False, f"nobody was served after {told.called} was well again")
    return Verdict(after <= told.sleep_s + 2 * told.timeout_s, f"the first was served {after:.1f} s after {told.called} was well again (sleep window: {told.sleep_s:.0f} s)")


def judge(told):
    return [check(told) for check in (_opening, _refusals, _goods, _memory, _again)]
