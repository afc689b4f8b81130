#!/usr/bin/env python3
"""Turns a GeoJSON feed of the USGS into JSON lines: one event per line, in the order in which the events were updated.

Usage: convert.py all_week.geojson > earthquakes.jsonl
"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as feed:
    features = json.load(feed)["features"]

features.sort(key=lambda feature: (feature["properties"]["updated"], feature["id"]))
for feature in features:
    properties = feature["properties"]
    event = {"id": feature["id"]}
    event.update((name, properties[name]) for name in ("net", "mag", "place", "time", "updated"))
    print(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
