"""What all rows share: where things are, how long and how often to measure, and what a row says in the end."""

import dataclasses
import os
import statistics

import processes
import shop
import tools

DISTURBED = 0.10  # cores that others took: above it the ratios lie


@dataclasses.dataclass
class Result:
    """One line of the table."""

    what: str
    measured: str
    target: str
    reached: bool | None  # None: there is nothing to compare with
    short: str = ""  # by how much it is short
    reference: str = ""
    ratio: str = ""
    foreign: float = 0.0  # cores that others took during the run that counts
    details: dict = dataclasses.field(default_factory=dict)

    @property
    def verdict(self):
        if self.reached is None:
            return "no target"
        return "reached" if self.reached else f"short by {self.short}"

    @property
    def note(self):
        return f"disturbed: others took {self.foreign:.2f} cores" if self.foreign > DISTURBED else ""


def at_least(value, target):
    """reached and short for a result that should be large."""
    return {"reached": value >= target, "short": f"{(1 - value / target) * 100:.0f} %"}


def at_most(value, target):
    return {"reached": value <= target, "short": f"{(value / target - 1) * 100:.0f} %"}


def spread(values, form="{:.2f}"):
    """The median, and from where to where when there are several."""
    middle = form.format(statistics.median(values))
    return middle if len(values) < 2 else f"{middle} ({form.format(min(values))}..{form.format(max(values))})"


@dataclasses.dataclass
class Bench:
    build: str
    directory: str
    seconds: int  # of one run
    rounds: int  # A B A B …
    attempts: int  # so often a disturbed run is made again
    orders: int  # what a grown shop has
    paced_seconds: int
    full: bool
    grown: object = None

    @property
    def program(self):
        return f"{self.build}/coffeeshop"

    def shop(self, name, **settings):
        return shop.Shop(self.program, os.path.join(self.directory, name), **settings)

    def load(self, a_shop, watched=True, **options):
        """Orders at the order service; with `watched`, every hundredth is looked for in the view."""
        options.setdefault("seconds", self.seconds)
        if watched:
            options.setdefault("sample", 100)
        watch = a_shop.addresses["customercenter"] if watched else None
        return tools.load(self.build, a_shop.addresses["order"], watch, **options)

    def undisturbed(self, run):
        """Runs it until nobody else took the CPU, at most `attempts` times: (least disturbed result, cores taken)."""
        best = None
        for _ in range(self.attempts):
            foreign = processes.Foreign()
            result = run()
            cores = foreign.cores()
            if best is None or cores < best[1]:
                best = result, cores
            if cores <= DISTURBED:
                break
        return best

    def interleaved(self, run_a, run_b):
        """A B A B …: [(a, b)] of every round, and the most that any of them was disturbed. A disturbed round is made
        again as a whole."""
        rounds = [self.undisturbed(lambda: (run_a(), run_b())) for _ in range(self.rounds)]
        return [pair for pair, _ in rounds], max(cores for _, cores in rounds)

    def fill(self, a_shop, orders):
        """So many more orders, completed and in the view."""
        return self.load(a_shop, orders=orders, connections=256, sample=1000, drain_seconds=600)

    def grown_shop(self, orders):
        """A running shop that has had at least so many orders; the rows that need one share it."""
        if self.grown is None:
            self.grown = self.shop("grown").start(*shop.SERVICES)
            self.grown.orders = 0
        if self.grown.orders < orders:
            self.fill(self.grown, orders - self.grown.orders)
            self.grown.orders = orders
        return self.grown

    def close(self):
        if self.grown is not None:
            self.grown.remove()
