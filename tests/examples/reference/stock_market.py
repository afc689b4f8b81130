#!/usr/bin/env python3
"""The answers of the stock_market example, found by looking at every trade in plain loops.

Usage: stock_market.py examples/stock_market/data/trades.csv > golden/stock_market.csv
"""
import csv
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

MINUTE = 60_000
SLIDE = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def milliseconds(text):
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(milliseconds=1)


def iso(time):
    return (EPOCH + timedelta(milliseconds=time)).strftime("%Y-%m-%dT%H:%M:%SZ")


windows = {}


def add(kind, start, industry, cents):
    count_and_sum = windows.setdefault((kind, start, industry), [0, 0])
    count_and_sum[0] += 1
    count_and_sum[1] += cents


with open(sys.argv[1], encoding="utf-8", newline="") as file:
    for trade in csv.DictReader(file):
        time = milliseconds(trade["time"])
        cents = Decimal(trade["price"]) * 100
        assert cents == int(cents)
        add("minute", time // MINUTE * MINUTE, trade["industry"], int(cents))
        start = time // SLIDE * SLIDE
        while start + MINUTE > time:
            add("moving", start, trade["industry"], int(cents))
            start -= SLIDE

print("window,start,end,industry,trades,averagePrice")
for (kind, start, industry), (count, cents) in sorted(windows.items()):
    # one exact division, rounded once
    print(f"{kind},{iso(start)},{iso(start + MINUTE)},{industry},{count},{cents / (100 * count):.6f}")
