#!/usr/bin/env python3
"""The answers of the word_count example.

Usage: word_count.py examples/word_count/data/the_mill_race.txt > golden/word_count.csv
"""
import collections
import re
import sys

with open(sys.argv[1], encoding="ascii") as file:
    counts = collections.Counter(re.findall(r"[a-z]+(?:'[a-z]+)*", file.read().lower()))

print("word,count")
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
    print(f"{word},{count}")
