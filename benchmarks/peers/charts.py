"""Bars on a logarithmic scale as SVG, readable on light and on dark pages."""

import math

COLOURS = {"by hand": "#8c959f", "millrace": "#1a7f37", "millrace, 2 threads": "#4ac26b", "std::ranges": "#bf8700",
           "oneTBB, parallelism 1": "#bc4c00", "oneTBB, parallelism 2": "#fb8f44", "Flink, one task": "#0969da",
           "Flink, parallelism 1": "#54aeff", "Flink, parallelism 2": "#8250df",
           "Flink SQL, parallelism 1": "#bf3989", "Flink SQL, parallelism 2": "#ff80c8"}
OTHER = "#d4a72c"
LEFT, WIDTH, BAR, GAP, TOP = 300, 860, 13, 14, 46
STYLE = """text { fill: #24292f; font-family: sans-serif; font-size: 12px }
.quiet { fill: #57606a }
line { stroke: #8c959f; stroke-opacity: 0.35 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .quiet { fill: #9ea7b3 } }"""


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bars(title, groups):
    """`groups`: for each title the bars with their names, all of them positive."""
    values = [value for group in groups.values() for value in group.values()]
    if not values:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>\n'
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    scale = (WIDTH - LEFT - 70) / (high - low)
    used = dict.fromkeys(name for group in groups.values() for name in group)
    names = [name for name in COLOURS if name in used] + [name for name in used if name not in COLOURS]
    lines = 1 + sum(30 + 7 * len(name) for name in names) // (WIDTH - 12)  # of the legend
    top = TOP + 18 * lines
    height = top + sum(len(group) * BAR + GAP for group in groups.values()) + 26
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
           f"<title>{escaped(title)}</title>", f"<style>{STYLE}</style>",
           f'<text x="12" y="20" font-weight="bold">{escaped(title)}, logarithmic scale; shorter is better</text>']
    x, y = 12, 32
    for name in names:
        if x + 15 + 7 * len(name) > WIDTH:
            x, y = 12, y + 18
        out.append(f'<rect x="{x}" y="{y}" width="11" height="11" fill="{COLOURS.get(name, OTHER)}"/>')
        out.append(f'<text x="{x + 15}" y="{y + 10}">{escaped(name)}</text>')
        x += 30 + 7 * len(name)
    for power in range(low, high + 1):
        at = LEFT + (power - low) * scale
        out.append(f'<line x1="{at:.1f}" y1="{top - 8}" x2="{at:.1f}" y2="{height - 22}"/>')
        label = f"{10 ** power:g} ns" if power < 3 else f"{10 ** (power - 3):g} us"
        out.append(f'<text class="quiet" x="{at:.1f}" y="{height - 8}" text-anchor="middle">{label}</text>')
    y = top
    for group_title, group in groups.items():
        out.append(f'<text x="{LEFT - 8}" y="{y + len(group) * BAR / 2 + 4:.1f}" text-anchor="end">{escaped(group_title)}</text>')
        for name, value in sorted(group.items(), key=lambda item: names.index(item[0])):
            length = max((math.log10(value) - low) * scale, 1)
            out.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{COLOURS.get(name, OTHER)}">'
                       f"<title>{escaped(name)}: {number(value)} ns</title></rect>")
            out.append(f'<text class="quiet" x="{LEFT + length + 4:.1f}" y="{y + 10}" font-size="10">{number(value)}</text>')
            y += BAR
        y += GAP
    out.append("</svg>")
    return "\n".join(out) + "\n"
