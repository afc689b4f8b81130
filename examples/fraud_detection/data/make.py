#!/usr/bin/env python3
"""Makes transactions.csv and rules.csv: payments of made-up accounts. The same seed gives the same files."""
import random

random.seed(19971101)
START = 986_083_200  # 2001-04-01 00:00 UTC
DAY = 24 * 3600


def stamp(millis):
    seconds, rest = divmod(millis, 1000)
    second = seconds - START
    return f"2001-04-{1 + second // DAY:02d}T{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{rest:03d}Z"


payments = []  # (arrival, time in milliseconds, account, cents)
for account in range(1001, 1301):
    time = START * 1000 + random.randrange(3_600_000)
    while time < (START + 2 * DAY) * 1000:
        if random.random() < 0.015:  # somebody tries a stolen card: a trifle, then a great sum
            payments.append((time, account, random.randrange(1, 150)))
            time += random.randrange(5_000, 90_000)
            payments.append((time, account, random.randrange(30_000, 150_000)))
        else:
            payments.append((time, account, int(random.lognormvariate(7.6, 1.4))))
        time += int(random.expovariate(1 / 7_200_000)) + 1_000
arrivals = sorted((time + random.randrange(10_000), time, account, cents) for time, account, cents in payments)
with open("transactions.csv", "w", encoding="utf-8") as out:
    out.write("account,amount,time\n")
    for _, time, account, cents in arrivals:
        out.write(f"{account},{cents / 100:.2f},{stamp(time)}\n")

rules = [
    (0, "card test", 1.00, 500.00, 60),
    (6, "slow card test", 1.50, 900.00, 90),
    (24, "card test", 0.80, 400.00, 45),  # replaces the first one
    (36, "slow card test", 0.00, 0.00, 0),  # retires the second
]
with open("rules.csv", "w", encoding="utf-8") as out:
    out.write("rule,small,large,seconds,time\n")
    for hour, name, small, large, seconds in rules:
        out.write(f"{name},{small:.2f},{large:.2f},{seconds},{stamp((START + hour * 3600) * 1000)}\n")
