#!/usr/bin/env python3
"""Makes orders.csv and payments.csv: a day of made-up orders. The same seed gives the same files."""
import random

random.seed(20010417)
START = 986_083_200_000  # 2001-04-01 00:00 UTC, in milliseconds
HOUR = 3_600_000
BUSY = [2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 12, 10, 9, 9, 10, 11, 13, 14, 12, 9, 6, 4]  # orders by hour of the day


def stamp(millis):
    seconds, rest = divmod(millis - START, 1000)
    return f"2001-04-{1 + seconds // 86400:02d}T{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}Z"


def delay():
    # most records arrive within seconds, a few after one of the restarts of a server; none after two minutes
    return random.randrange(15_000) if random.random() < 0.98 else random.randrange(30_000, 115_000)


def time_to_pay():
    """None: never"""
    dice = random.random()
    if dice < 0.12:
        return None
    if dice < 0.18:
        return random.randrange(900_001, 3_600_000)  # too late
    if dice < 0.22:
        return -random.randrange(1, 60_000)  # the till was quicker than the shop
    if dice < 0.225:
        return -random.randrange(60_001, 120_000)  # … but that is too early
    if dice < 0.23:
        return random.choice([-60_001, -60_000, 60_000, 300_000, 900_000, 900_001])  # at the edges
    return min(int(random.expovariate(1 / 180_000)) + 5_000, 900_000)


times = sorted(START + hour * HOUR + random.randrange(HOUR) for hour, weight in enumerate(BUSY) for _ in range(14 * weight))
orders, payments = [], []  # (arrival, row)
for number, time in enumerate(times, 70_001):
    cents = int(random.lognormvariate(8.2, 0.9)) + 100
    orders.append((time + delay(), f"{number},{random.randrange(1, 701)},{cents / 100:.2f},{stamp(time)}"))
    wait = time_to_pay()
    if wait is not None:
        paid = number if random.random() < 0.995 else number + 20_000  # some write a wrong number
        payments.append((time + wait + delay(), f"{paid},{cents / 100:.2f},{stamp(time + wait)}"))

for name, header, rows in ("orders.csv", "order,customer,total,time", orders), ("payments.csv", "order,amount,time", payments):
    rows.sort()
    with open(name, "w", encoding="utf-8") as out:
        out.write(header + "\n")
        for _, row in rows:
            out.write(row + "\n")
