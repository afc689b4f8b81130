"""Visits and late clicks of the sessions example: sessionize.py visits|late CLICKS"""
import csv
import sys
from datetime import datetime, timezone

GAP = 15 * 60 * 1000
PATIENCE = 30 * 1000


def millis(text):
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


# Times in milliseconds; a watermark of w milliseconds stands for w and all but one of the nanoseconds up to w + 1.
open_visits = {}  # user -> list of [start, end, clicks]
visits, late = [], {}


def fire(watermark):
    for user, mine in open_visits.items():
        for visit in [v for v in mine if v[1] - 1 < watermark]:
            mine.remove(visit)
            clicks = sorted(visit[2])
            visits.append((visit[1], user, visit[0], len(clicks), clicks[0][1], int(any(p == "/checkout" for _, p in clicks))))


largest = None
watermark = float("-inf")
with open(sys.argv[2], encoding="utf-8") as rows:
    for row in csv.DictReader(rows):
        user, time = row["user"], millis(row["time"])
        mine = open_visits.setdefault(user, [])
        touching = [v for v in mine if v[0] <= time + GAP and time <= v[1]]
        start = min([time] + [v[0] for v in touching])
        end = max([time + GAP] + [v[1] for v in touching])
        if end <= watermark:
            late[user] = late.get(user, 0) + 1
        else:
            for visit in touching:
                mine.remove(visit)
            mine.append([start, end, sum((v[2] for v in touching), []) + [(time, row["page"])]])
        largest = time if largest is None else max(largest, time)
        watermark = largest - PATIENCE
        fire(watermark)
fire(float("inf"))

if sys.argv[1] == "visits":
    print("end_ms,user,start_ms,clicks,entry,ordered")
    for visit in sorted(visits):
        print(*visit, sep=",")
else:
    print("user,late")
    for user, count in sorted(late.items()):
        print(user, count, sep=",")
