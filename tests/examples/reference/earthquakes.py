#!/usr/bin/env python3
"""The answers of the earthquakes example, by the rules written out: event time is the latest time seen so far minus a day;
a report whose six hours have then passed is late.

Usage: earthquakes.py activity|late examples/earthquakes/data/earthquakes.jsonl > golden/earthquakes_activity|late.csv
"""
import json
import sys

HOUR = 3_600_000 * 1_000_000  # nanoseconds: a window ends one of them before the next begins
what, path = sys.argv[1:]

windows = {}
late = {}
watermark = None
with open(path, encoding="utf-8") as file:
    for line in file:
        report = json.loads(line)
        time = report["time"] * 1_000_000
        start = time // (6 * HOUR) * (6 * HOUR)
        lastOfWindow = start + 6 * HOUR - 1
        if watermark is not None and lastOfWindow <= watermark:
            late[report["net"]] = late.get(report["net"], 0) + 1
        else:
            windows.setdefault((start, report["net"]), []).append(report)
        reached = time - 24 * HOUR - 1
        watermark = reached if watermark is None else max(watermark, reached)

if what == "late":
    print("net,events")
    for net in sorted(late):
        print(f"{net},{late[net]}")
else:
    print("start_ms,net,events,strongest,place")
    for (start, net), reports in sorted(windows.items()):
        strongest, place = "", ""
        measured = [r for r in reports if r["mag"] is not None]
        if measured:
            best = measured[0]
            for report in measured[1:]:
                if report["mag"] > best["mag"]:
                    best = report
            strongest, place = f"{best['mag']:.3f}", best["place"]
        print(f"{start // 1_000_000},{net},{len(reports)},{strongest},{place}")
