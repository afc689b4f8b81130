"""What has been measured, in a file that runs add to, and the report of it.

A row is of a workload, a peer with its parallelism, and a size, on a machine. A run replaces the rows that it has measured again and
leaves all others as they are. Each row says when, on what, with what and how it was measured.
"""

import json
import os
import statistics

FORMAT = 1


def identity(row):
    return (row["machine"], row["kind"], row["title"], row["peer"], row["records"])  # the peer says its parallelism


def load(path):
    """*Failure:* ValueError for a file that is not one of ours."""
    if not os.path.exists(path):
        return []
    with open(path) as file:
        try:
            content = json.load(file)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not JSON: {error}; mend it, or remove it to begin anew") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is of another format than {FORMAT}: remove it to begin anew")
    return content["rows"]


def merged(rows, new):
    """`rows` with the new ones in the place of those that they replace, or behind all others."""
    newest = {identity(row): row for row in new}
    known = {identity(row) for row in rows}
    return [newest.get(identity(row), row) for row in rows] + [row for key, row in newest.items() if key not in known]


def save(path, rows):
    lines = ",\n".join("  " + json.dumps(row, sort_keys=True) for row in rows)
    written = f"{path}.new"
    with open(written, "w") as file:
        file.write(f'{{"format": {FORMAT}, "rows": [\n{lines}\n]}}\n')
    os.replace(written, path)


# ---- the report


def ratio_of(row, theirs, ours):
    return min(row[theirs]) / min(row[ours]) if row[ours] and row[theirs] and min(row[ours]) > 0 else None


def largest(rows):
    """Of rows that only differ in size those with most records."""
    best = {}
    for row in rows:
        key = identity(row)[:-1]
        if key not in best or row["records"] > best[key]["records"]:
            best[key] = row
    return [row for row in rows if best[identity(row)[:-1]] is row]


def machines(rows):
    """The machines, that of the newest row first."""
    newest = {}
    for row in rows:
        newest[row["machine"]] = max(newest.get(row["machine"], ""), row["date"])
    return sorted(newest, key=lambda machine: newest[machine], reverse=True)


def cell(values, what=min):
    return f"{what(values):.2f}" if values else ""


def times(value):
    return "" if value is None else f"{value:.0f}x" if value >= 10 else f"{value:.1f}x"


def table(rows, runs, unit):
    lines = [
        "| | peer | run | threads of millrace | by hand | millrace, best | median | CPU | peer, best | median | CPU | ratio | by CPU | "
        "memory of the peer, MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        head = f"| {row['title']} | {row['peer']} | {runs.index(run_of(row)) + 1} | {row['threads']} "
        if "mismatch" in row:
            lines.append(head + f"| **results differ:** {row['mismatch']} | | | | | | | | | |")
            continue
        compared = row.get("comparable", True)
        lines.append(
            head + f"| {cell(row['hand'])} | {cell(row['millrace'])} | {cell(row['millrace'], statistics.median)} "
            f"| {cell(row['millrace_cpu'])} | {cell(row['theirs'])} | {cell(row['theirs'], statistics.median)} "
            f"| {cell(row['theirs_cpu'])} | {times(ratio_of(row, 'theirs', 'millrace')) if compared else ''} "
            f"| {times(ratio_of(row, 'theirs_cpu', 'millrace_cpu')) if compared else 'not compared'} | {row['memory']} |")
    return "\n".join([f"Nanoseconds per {unit}.", "", *lines])


def results_of(rows):
    """The results that both sides agreed on, once for each workload."""
    lines = ["| | records | results | checksum |", "|---|---|---|---|"]
    seen = set()
    for row in rows:
        key = (row["title"], row["records"])
        if key in seen or "mismatch" in row or not row.get("comparable", True):
            continue
        seen.add(key)
        lines.append(f"| {row['title']} | {row['records']} | {row['count']} | `{row['checksum']}` |")
    return "\n".join(lines)


def run_of(row):
    return row["date"], row["command"], row["versions"], row["settings"], row["load"], row["busy"], row["repetitions"]


def run_line(number, run):
    date, command, versions, settings, load, busy, repetitions = run
    warning = " — **busy: times that pass are not to be trusted, processor times only roughly**" if busy else ""
    return (f"{number}. {date} UTC, `{command}`: {repetitions} repetition{'s' if repetitions > 1 else ''} of each side in turn; "
            f"{load}{warning}. {versions}. {settings}")


def machine_report(rows, level):
    runs = sorted({run_of(row) for row in rows})
    text = "\n".join(run_line(number + 1, run) for number, run in enumerate(runs)) + "\n"
    for kind, title, chart, unit in (
            ("workload", "Workloads", "![Nanoseconds per record by hand, of millrace and of its peers](../docs/images/peers_workloads.svg)",
             "record, generating it included"),
            ("query", "Nexmark", "![Nanoseconds per event of millrace and of Flink](../docs/images/peers_nexmark.svg)",
             "event, generating it included")):
        of_kind = [row for row in rows if row["kind"] == kind]
        if not of_kind:
            continue
        text += f"\n{level} {title}\n\n" + (f"{chart}\n\n" if level == "##" else "")
        text += table(of_kind, runs, unit) + f"\n\nWhat both sides have put out:\n\n{results_of(of_kind)}\n"
    return text


def in_order(rows, titles):
    """By their titles; those of workloads that are not there any more come last."""
    return sorted(rows, key=lambda row: titles.index(row["title"]) if row["title"] in titles else len(titles))


def report(all_rows, titles):
    rows = in_order(largest(all_rows), titles)
    text = ("# Measured against others\n\nWritten by `benchmarks/compare` from all rows of `benchmarks/results.json`; what is compared "
            "and how is in [docs/benchmarks.md](../docs/benchmarks.md). Rows of one run say more about each other than those of "
            "different runs. ratio: the peer's best time over millrace's best, in the same run.\n")
    for number, machine in enumerate(machines(rows)):
        text += f"\n{'Machine' if number == 0 else '## Another machine'}: {machine}. Runs:\n\n"
        text += machine_report([row for row in rows if row["machine"] == machine], "##" if number == 0 else "###")
    return text


def bars_of(rows, titles, kind):
    """For each title the best times on the newest machine: by hand, millrace on one thread and on more, each peer."""
    groups = {}
    newest = machines(rows)[:1]
    for row in in_order(largest(rows), titles):
        if "mismatch" in row or row["kind"] != kind or row["machine"] not in newest:
            continue
        bars = groups.setdefault(row["title"], {})
        own = "millrace" if row["threads"] == 1 else f"millrace, {row['threads']} threads"
        for name, values in (("by hand", row["hand"] if row["threads"] == 1 else []), (own, row["millrace"]),
                             (row["peer"], row["theirs"])):
            if values:
                bars[name] = min(bars.get(name, float("inf")), min(values))
    return groups
