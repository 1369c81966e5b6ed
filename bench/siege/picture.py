"""A run as a picture (SVG) and as a table."""

import html
import itertools
import math

import verdicts

WIDTH, LEFT, RIGHT, TOP = 960, 86, 20, 64
PANEL, GAP = 130, 46
SERVED, REFUSED, LATE, INK, FAINT, SHADE = "#2b7a4b", "#c8553d", "#8d6a9f", "#2e2a25", "#8a8378", "#f3e9d8"
STATES = {0: ("closed", "#cfe3d4"), 1: ("open", "#e9b8a9"), 2: ("half-open", "#f0d9a0")}
BOTTOM_MS, TOP_MS = 0.1, 10_000  # of the waits' axis, which is logarithmic


class Drawing:
    def __init__(self, height):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13" role="img">',
                      f'<rect width="{WIDTH}" height="{height}" fill="#fffdf9"/>']

    def text(self, x, y, words, anchor="start", colour=INK, size=13, weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" font-weight="{weight}">{html.escape(words)}</text>')

    def box(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{colour}"/>')

    def line(self, points, colour, width=1.5):
        self.parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}" fill-opacity="0.75"/>')

    def end(self):
        return "\n".join([*self.parts, "</svg>", ""])


def by_second(told):
    """[(served, refused, no answer)] of each second."""
    counts = [[0, 0, 0] for _ in range(int(told.seconds) + 1)]
    for answer in told.answers:
        if 0 <= answer.at < len(counts):
            counts[int(answer.at)][0 if verdicts.is_served(answer) else 1 if answer.status else 2] += 1
    return counts[:-1]


def _axis(drawing, top, title, marks):
    drawing.text(LEFT, top - 8, title, weight="bold")
    for y, words in marks:
        drawing.line([(LEFT, y), (WIDTH - RIGHT, y)], "#e6ddcd", 1)
        drawing.text(LEFT - 8, y + 4, words, "end", FAINT, 12)


def _answers(drawing, told, x, top):
    counts = by_second(told)
    most = max(max(map(sum, counts), default=1), 1)
    _axis(drawing, top, "answers a second", [(top + PANEL, "0"), (top, f"{most:,}")])
    for second, (served, refused, none) in enumerate(counts):
        y, width = top + PANEL, x(second + 1) - x(second) - 1
        for n, colour in ((served, SERVED), (refused, REFUSED), (none, LATE)):
            if n:
                height = PANEL * n / most
                y -= height
                drawing.box(x(second), y, width, height, colour)
    for i, (words, colour) in enumerate((("served", SERVED), ("refused (503)", REFUSED), ("no answer", LATE))):
        drawing.box(WIDTH - 330 + 110 * i, top - 18, 10, 10, colour)
        drawing.text(WIDTH - 316 + 110 * i, top - 8, words, size=12)


def _waits(drawing, told, x, top):
    def height_of(ms):
        share = math.log(min(max(ms, BOTTOM_MS), TOP_MS) / BOTTOM_MS) / math.log(TOP_MS / BOTTOM_MS)
        return top + PANEL * (1 - share)

    _axis(drawing, top, "how long one more customer waits, every 0.1 s", [(height_of(ms), words) for ms, words in ((0.1, "0.1 ms"), (1, "1 ms"), (10, "10 ms"), (100, "100 ms"), (1000, "1 s"), (10_000, "10 s"))])
    drawing.line([(LEFT, height_of(told.timeout_s * 1000)), (WIDTH - RIGHT, height_of(told.timeout_s * 1000))], LATE, 1)
    drawing.text(WIDTH - RIGHT, height_of(told.timeout_s * 1000) - 4, f"time-out of a call, {told.timeout_s * 1000:.0f} ms", "end", LATE, 12)
    for one in told.probes:
        drawing.dot(x(one.at), height_of(one.waited * 1000), SERVED if verdicts.is_served(one) else REFUSED if one.status else LATE)


def _breaker(drawing, told, x, top):
    drawing.text(LEFT, top - 8, f"the breaker of {told.caller} before {told.called}", weight="bold")
    spells = [(state, next(looks).at) for state, looks in itertools.groupby(told.looks, key=lambda look: look.state)]
    for (state, start), (_, until) in zip(spells, [*spells[1:], (None, told.seconds)]):
        name, colour = STATES[state]
        drawing.box(x(start), top, x(until) - x(start), 26, colour)
        if x(until) - x(start) > 50:
            drawing.text(x(start) + 4, top + 18, name, size=12)


def _memory(drawing, told, x, top):
    values = [(look.at, look.memory / (1 << 20)) for look in told.looks]
    most = max((value for _, value in values), default=1) * 1.25
    _axis(drawing, top, f"memory of {told.caller}, MiB", [(top + PANEL / 2, "0"), (top, f"{most:.0f}")])
    drawing.line([(x(at), top + PANEL / 2 * (1 - value / most)) for at, value in values], INK)


def draw(told, found):
    panels = [TOP + 30, TOP + 30 + PANEL + GAP, TOP + 30 + 2 * (PANEL + GAP), TOP + 30 + 2 * (PANEL + GAP) + 26 + GAP]
    bottom = panels[3] + PANEL / 2
    height = int(bottom + 44 + 20 * len(found) + 10)
    drawing = Drawing(height)

    def x(seconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(seconds / told.seconds, 0.0), 1.0)

    drawing.text(LEFT, 26, told.title, size=17, weight="bold")
    drawing.box(x(told.slow_at), TOP - 16, x(told.well_at) - x(told.slow_at), bottom - TOP + 16, SHADE)
    for name, start, _ in told.phases:
        drawing.text(x(start) + 4, TOP - 22, name, colour=FAINT)
    for part, top in zip((_answers, _waits, _breaker, _memory), panels):
        part(drawing, told, x, top)
    for second in range(0, int(told.seconds) + 1, max(1, int(told.seconds) // 6)):
        drawing.text(x(second), bottom + 18, f"{second} s", "middle", FAINT, 12)
    for i, verdict in enumerate(found):
        drawing.text(LEFT, bottom + 44 + 20 * i, ("✓ " if verdict.holds else "✗ ") + verdict.text, colour=INK if verdict.holds else REFUSED)
    return drawing.end()


def table(told, found):
    lines = [told.title, ""] + [f"{start:6.1f} s  {name}" for name, start, _ in told.phases] + [""]
    lines += [f"{'yes' if verdict.holds else 'NO ':4}{verdict.text}" for verdict in found] + ["", "second  served  refused  no answer  breaker"]
    for second, (served, refused, none) in enumerate(by_second(told)):
        states = [look.state for look in told.looks if second <= look.at < second + 1]
        lines.append(f"{second:6}  {served:6}  {refused:7}  {none:9}  {'/'.join(dict.fromkeys(STATES[state][0] for state in states))}")
    return "\n".join(lines) + "\n"
