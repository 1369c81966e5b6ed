"""The rules of stock, as a Redis has them: read from its keys, and not from what the service says of itself."""
from collections import Counter

from eventually import eventually

REDUCED = 1  # of a reservation (reservation.h)
NUMBER, CHECKSUM = 8, 8  # bytes


def _numbers(value, n):
    """The numbers that a value begins with, and the text behind them, without its checksum."""
    value = value[:-CHECKSUM]
    return [int.from_bytes(value[i * NUMBER:(i + 1) * NUMBER], "big", signed=True) for i in range(n)], value[n * NUMBER:].split(b"\0")[0].decode()


class Cell:
    def __init__(self, redis, cell="stock:0"):
        told = redis.command("HGETALL", f"{{{cell}}}:data")
        self.data = dict(zip(told[::2], told[1::2]))
        self.names = redis.command("ZRANGE", f"{{{cell}}}:names", "0", "-1")
        self.on_hand, self.reserved = {}, {}
        for key, value in self.data.items():
            if key.startswith(b"item/"):
                (_, qty, _, _), name = _numbers(value, 4)
                self.on_hand[name] = qty
            elif key.startswith(b"reservation/"):
                (state, _, _, qty, _), name = _numbers(value, 5)
                self.reserved[key.removeprefix(b"reservation/").decode()] = (state, name, qty)


def check_cell(redis, shop, stocked):
    """Asserts the rules at rest. `stocked` is what was set of each item before anything was taken."""
    cell = Cell(redis)
    assert cell.names == sorted(cell.data), "the keys are told twice, and alike"
    taken = Counter()
    for state, name, qty in cell.reserved.values():
        taken[name] += qty if state == REDUCED else 0
    for name, qty in cell.on_hand.items():
        assert qty >= 0 and qty == stocked.get(name, 100) - taken[name], f"{name}: {qty} on hand, {taken[name]} reserved"
    made = {ticket["orderId"]: ticket for ticket in shop.all("products") if ticket["status"] == "Completed"}
    by_order = Counter(int(number[1:].split(".")[0]) for number, (state, _, _) in cell.reserved.items() if state == REDUCED)
    assert by_order == Counter(dict.fromkeys(made, 1)), "each order that is made has one reservation, and nobody else has any"


def wait_for_rules(redis, shop, stocked, within=60):
    def hold():
        check_cell(redis, shop, stocked)
        return True

    eventually(hold, within=within, every=0.2, what="what Redis holds agrees with what was made")
