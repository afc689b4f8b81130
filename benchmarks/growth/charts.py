#!/usr/bin/env python3
"""Draws the figures of `benchmarks/run growth --json FILE` as SVG, readable on light and dark pages.

    benchmarks/growth/charts.py FILE FOLDER      one growth_<series>.svg each
"""
import json
import math
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 170, 46, 52
LIGHT = {"a": "#0969da", "b": "#bc4c00", "c": "#1a7f37", "d": "#8250df"}
DARK = {"a": "#58a6ff", "b": "#f0883e", "c": "#3fb950", "d": "#bc8cff"}


def rules(colors):
    return "\n".join(f".{name} .line {{ stroke: {color} }} .{name} .dot, .{name} .name {{ fill: {color} }}"
                     for name, color in colors.items())


STYLE = f"""<style>
text {{ fill: #57606a }} .title {{ fill: #24292f; font-size: 14px }} .axis {{ stroke: #8c959f }}
.grid {{ stroke: #8c959f; opacity: .25 }} .line {{ fill: none; stroke-width: 2 }}
{rules(LIGHT)}
@media (prefers-color-scheme: dark) {{
text {{ fill: #8b949e }} .title {{ fill: #e6edf3 }}
{rules(DARK)}
}}
</style>"""

# series -> title, what is on the x axis, the figure on the y axis
CHARTS = {
    "parallelism": ("Parallelism: exchange by key on two processors", "subtasks p", "cpu_ns"),
    "memory": ("Parallelism: memory of the whole run", "subtasks p", "peak_bytes"),
    "keys": ("Keys", "keys", "cpu_ns"),
    "windows": ("Windows open at once: sliding by 1 s", "windows that a record belongs to", "cpu_ns"),
    "batch": ("Records per batch", "records in a batch", "cpu_ns"),
    "record": ("Size of a record: exchange by key", "bytes", "cpu_ns"),
    "disorder": ("Disorder: windows of 1 s", "largest delay in ms", "cpu_ns"),
    "operators": ("Operators one behind the other", "maps", "cpu_ns"),
}


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def upper_end(largest):
    """The end of an axis with five equal parts of a round number."""
    step = 10 ** math.floor(math.log10(largest / 5))
    while step * 5 < largest:
        step *= 2 if str(step / 10 ** math.floor(math.log10(step)))[0] in "15" else 2.5
    return step * 5


def draw(name, points):
    title, x_label, figure = CHARTS[name]
    unit = 1 << 20 if figure == "peak_bytes" else 1
    y_label = "MiB" if figure == "peak_bytes" else "ns of processor time per record"
    xs = sorted({p["x"] for p in points})
    top = upper_end(max(p[figure] for p in points) / unit)
    # a place for 0 in front of the logarithm
    position = {x: math.log10(x) if x > 0 else math.log10(min(v for v in xs if v > 0)) - 1 for x in xs}
    low, high = position[xs[0]], position[xs[-1]]

    def at(x, y):
        share = (position[x] - low) / (high - low) if high > low else 0
        return (LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / unit / top * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="12" role="img">', f"<title>{escape(title)}</title>", STYLE,
           f'<text class="title" x="{LEFT}" y="18">{escape(title)}</text>',
           f'<text x="{LEFT}" y="34">{escape(y_label)}</text>']
    for i in range(6):
        y = at(xs[0], top * unit * i / 5)[1]
        out.append(f'<line class="{"axis" if i == 0 else "grid"}" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{top * i / 5:g}</text>')
    last_label = -100.0
    for x in xs:
        left = at(x, 0)[0]
        if left - last_label >= 26:
            out.append(f'<text x="{left:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(x)}</text>')
            last_label = left
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>')
    names = []
    for color, line in zip(LIGHT, dict.fromkeys(p["line"] for p in points)):
        own = sorted((p for p in points if p["line"] == line), key=lambda p: p["x"])
        places = [at(p["x"], p[figure]) for p in own]
        out.append(f'<g class="{color}"><polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
        out += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places] + ["</g>"]
        names.append([places[-1][1], color, line])
    names.sort()
    for before, after in zip(names, names[1:]):  # names do not lie on each other
        after[0] = max(after[0], before[0] + 15)
    for y, color, line in names:
        out.append(f'<g class="{color}"><text class="name" x="{WIDTH - RIGHT + 10}" y="{y + 4:.1f}">{escape(line)}</text></g>')
    return "\n".join(out + ["</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        points = json.load(file)
    for name, chart in CHARTS.items():
        own = [p for p in points if p["series"] == ("parallelism" if name == "memory" else name) and chart[2] in p]
        if own:
            with open(f"{sys.argv[2]}/growth_{name}.svg", "w", encoding="utf-8") as file:
                file.write(draw(name, own))


main()
