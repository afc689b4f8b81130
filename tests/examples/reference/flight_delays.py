#!/usr/bin/env python3
"""The answers of the flight_delays example, found without streams: hours and days are cut out of the text of the date.

Usage: flight_delays.py hours|days examples/flight_delays/data/flights_2001q1.csv > golden/flight_delays_hours|days.csv
"""
import csv
import sys
from fractions import Fraction

what, path = sys.argv[1:]
with open(path, encoding="utf-8", newline="") as file:
    flights = list(csv.DictReader(file))


def group(key):
    groups = {}
    for flight in flights:
        groups.setdefault(key(flight), []).append(int(flight["delay_min"]))
    return groups


if what == "hours":
    print("hour,origin,flights,delay")
    for (hour, origin), delays in sorted(group(lambda f: (f["date"][:13], f["origin"])).items()):
        print(f"{hour},{origin},{len(delays)},{sum(delays)}")
else:
    print("day,rank,origin,flights,delay")
    perDay = group(lambda f: (f["date"][:10], f["origin"]))
    for day in sorted({day for day, _ in perDay}):
        ranking = []
        for (otherDay, origin), delays in perDay.items():
            if otherDay == day and len(delays) >= 5:
                ranking.append((-Fraction(sum(delays), len(delays)), origin, len(delays), sum(delays)))
        ranking.sort()
        for rank, (_, origin, count, delay) in enumerate(ranking[:5], start=1):
            print(f"{day},{rank},{origin},{count},{delay}")
