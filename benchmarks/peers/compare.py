"""Runs millrace, the loops by hand and other engines in turn, and compares them where their results agree.

Called by benchmarks/compare with what it has built. Exits with 1 when results differ.
"""

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys

import charts
import results

JAVA_OPTIONS = [
    "-Xms4g", "-Xmx4g", "-XX:+UseParallelGC",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED"
      for package in ("java.lang", "java.lang.reflect", "java.nio", "java.time", "java.util", "java.util.concurrent",
                      "java.util.concurrent.atomic")),
]
BUSY = 0.2  # processors, in use by others
SUM_TOLERANCE = 1e-9  # W1 adds numbers that are not whole: the last digits depend on the order

# title, millrace's row and keys, Flink's workload, whether 2 000 000 records must do: Flink takes microseconds for each there
WORKLOADS = [
    ("W1 map, filter, map, sum", "W1 map-filter-map", 1_000, "W1", False),
    ("W2 average per key and 1 s, 1 000 keys", "W2 tumbling 1s", 1_000, "W2", False),
    ("W2 average per key and 1 s, 1 000 000 keys", "W2 tumbling 1s", 1_000_000, "W2", False),
    ("W3 sliding 10 s / 1 s, 1 000 keys", "W3 sliding 10s/1s", 1_000, "W3", True),
    ("W4 sessions, 100 000 keys", "W4 sessions 100ms", 100_000, "W4", True),
    ("W6 rolling sum, 1 000 keys", "W6 rolling sum of events", 1_000, "W6", False),
    ("W6 rolling sum, 1 000 000 keys", "W6 rolling sum of events", 1_000_000, "W6", False),
    ("W8 trades per minute", "W8 trades 1min", 50, "W8", False),
    ("W9 interval join, 100 000 keys", "W9 interval join 50ms", 100_000, "W9", False),
]
FULL_RECORDS = {"W1": 50_000_000}
SMOKE_RECORDS = 2_000_000
# millrace's rows on two threads, where its table has them under another name
TWO_THREADS = {"W2 tumbling 1s": ["W2 tumbling 1s", "W2 by exchange"]}
QUERIES = ["q0", "q1", "q2", "q3", "q4", "q5", "q7", "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15", "q16", "q17", "q18", "q19", "q20", "q21",
           "q22", "q23"]
NOT_COMPARABLE = {"q12"}  # its results depend on the clock: times are shown, but no ratio
CHAINED = "chained"


class Failure(Exception):
    """A program did not do what it should."""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Peer:
    """A program that makes a run for each line it is sent, and answers with a line of JSON."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Failure(f"{self.name} has ended instead of making a run; its own words are above")
            if line.startswith("{"):
                return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        if kind is not None:
            self.process.kill()
        self.close()


def millrace_run(options, row, keys, threads, small):
    """One run of the loop by hand and one of millrace; None if the table has no such row."""
    name = f"{row} {keys} {threads}"
    path = os.path.join(options.work, "row.json")
    if os.path.exists(path):
        os.remove(path)
    command = [options.throughput, "--repetitions", "1", "--only", name, "--json", path] + (["--smoke"] if small else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not os.path.exists(path):
        raise Failure(f"{' '.join(command)} has failed: {done.stdout}{done.stderr}")
    with open(path) as file:
        rows = [r for r in json.load(file) if (r["workload"], r["keys"], r["threads"]) == (row, keys, threads)]
    if not rows:
        return None
    if done.returncode != 0:
        raise Failure(f"millrace's own check of '{name}' has failed:\n{done.stdout}{done.stderr}")
    return rows[0]


def nexmark_run(options, query, events, parallelism):
    path = os.path.join(options.work, "query.json")
    command = [options.nexmark, "--events", str(events), "--queries", query, "--parallelism", str(parallelism), "--json", path]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} has failed: {done.stdout}{done.stderr}")
    with open(path) as file:
        return next(row for row in json.load(file) if row["query"] == query)


def agree(ours, theirs):
    total, other = float(ours.get("sum") or 0), float(theirs.get("sum") or 0)
    return (ours["count"] == theirs["count"] and ours["checksum"] == theirs["checksum"]
            and abs(total - other) <= SUM_TOLERANCE * abs(total))


def described(result):
    return f"{result['count']} results, checksum {result['checksum']}, sum {float(result.get('sum') or 0):.4f}"


def per_record(runs, field):
    return [round(1e9 * run[field] / run["records"], 4) for run in runs]


def flink_command(options, workload, keys, records, variant):
    parallelism = "1" if variant == CHAINED else variant
    return ["java", *JAVA_OPTIONS, "-cp", f"{options.flink}/flink-peer-1.jar:{options.flink}/lib/*", "peer.Main",
            "--workload", workload, "--keys", str(keys), "--parallelism", parallelism, "--records", str(records),
            "--on-request", *(["--chained"] if variant == CHAINED else [])]


def flink_title(variant):
    if variant == CHAINED:
        return "Flink, one task"
    return f"Flink, parallelism {variant}"


def compare(title, peer_title, peer, ours, repetitions, threads, comparable=True):
    """One row: `repetitions` runs of each side in turn. `ours()` gives figures of one run of millrace and of the loop by hand."""
    row = {"title": title, "peer": peer_title, "threads": threads, "millrace": [], "millrace_cpu": [], "hand": []}
    if not comparable:
        row["comparable"] = False
    runs = []
    warm_up = peer.run()
    for _ in range(repetitions):
        own = ours()
        for field in ("millrace", "millrace_cpu", "hand"):
            if own.get(field) is not None:
                row[field].append(own[field])
        runs.append(peer.run())
        if own.get("records", runs[-1]["records"]) != runs[-1]["records"]:
            raise Failure(f"millrace has taken {own['records']} records, {peer_title} {runs[-1]['records']}")
        if comparable and not agree(own, runs[-1]):
            row["mismatch"] = f"millrace has put out {described(own)}; {peer_title} {described(runs[-1])}"
            break
    row.update(records=runs[-1]["records"], theirs=per_record(runs, "seconds"), theirs_cpu=per_record(runs, "cpu_seconds"),
               warm_up=1e9 * warm_up["seconds"] / warm_up["records"], memory=runs[-1]["peak_memory_mib"],
               millrace_memory=own.get("memory"), count=runs[-1]["count"], checksum=runs[-1]["checksum"])
    print_row(row)
    return row


def print_row(row):
    name = f"{row['title']} | {row['peer']}"
    if "mismatch" in row:
        print(f"{name}\n  RESULTS DIFFER, no ratio: {row['mismatch']}", flush=True)
        return
    hand = f"hand {min(row['hand']):.2f} ns, " if row["hand"] else ""
    if not row.get("comparable", True):
        print(f"{name}: millrace {min(row['millrace']):.2f} ns, peer {min(row['theirs']):.2f} ns; results depend on the clock, no ratio",
              flush=True)
        return
    cpu = results.ratio_of(row, "theirs_cpu", "millrace_cpu")
    print(f"{name}: {hand}millrace {min(row['millrace']):.2f} ns ({row['threads']} thread{'s' if row['threads'] > 1 else ''}), "
          f"peer {min(row['theirs']):.2f} ns, CPU {min(row['theirs_cpu']):.2f} ns; {results.ratio_of(row, 'theirs', 'millrace'):.1f}x"
          f"{f', by CPU {cpu:.1f}x' if cpu else ''}; same results", flush=True)


# ---- the rows


class Comparison:
    def __init__(self, options):
        self.options = options
        self.rows = []
        self.queries = []
        self.failures = []

    def wanted(self, title):
        return any(part in title for part in self.options.only.split(","))

    def guarded(self, title, action):
        try:
            row = action()
            if "mismatch" in row:
                self.failures.append(f"{title}: {row['mismatch']}")
            return row
        except Failure as failure:
            self.failures.append(f"{title}: {failure}")
            print(f"{title}\n  FAILED: {failure}", flush=True)
            return None

    def millrace(self, row, keys, threads, small):
        """What to call for millrace's side, and on how many threads that is."""
        for candidate in TWO_THREADS.get(row, [row]) if threads > 1 else []:
            if millrace_run(self.options, candidate, keys, threads, small) is not None:
                row = candidate
                break
        else:
            threads = 1

        def once():
            own = millrace_run(self.options, row, keys, threads, small)
            if own is None:
                raise Failure(f"benchmarks/throughput has no row '{row}' with {keys} keys")
            return {**own, "millrace": own["millrace_ns"], "millrace_cpu": own.get("millrace_cpu_ns"),
                    "hand": own.get("hand_ns"), "memory": own["peak_bytes"] / 2**20 if own.get("peak_bytes") else None}
        return once, threads

    def one(self, title, peer_title, command, environment, row, keys, threads, small):
        def action():
            ours, own_threads = self.millrace(row, keys, threads, small)
            with Peer(peer_title, command, environment) as peer:
                return compare(title, peer_title, peer, ours, self.options.repetitions, own_threads)
        result = self.guarded(f"{title} | {peer_title}", action)
        if result:
            self.rows.append(result)

    def run_workloads(self):
        options = self.options
        for title, row, keys, workload, slow in WORKLOADS:
            if not self.wanted(title):
                continue
            small = slow or options.quick or options.smoke
            records = SMOKE_RECORDS if small else FULL_RECORDS.get(workload, 20_000_000)
            if workload == "W1":
                if options.ranges:
                    self.one(title, "std::ranges", [options.ranges, str(records)], None, row, keys, 1, small)
                for threads in (1, 2) if options.tbb else ():
                    self.one(title, f"oneTBB, parallelism {threads}", [options.tbb, str(records)],
                             {"TBB_THREADS": str(threads)}, row, keys, threads, small)
            if options.flink:
                for variant in options.parallelism.split(","):
                    # an interval join has two inputs, which Flink never runs in the task of their sources; W1 has no exchange
                    if variant == CHAINED and workload in ("W1", "W9"):
                        continue
                    threads = 1 if variant == CHAINED else int(variant)
                    self.one(title, flink_title(variant), flink_command(options, workload, keys, records, variant), None,
                             row, keys, threads, small)
                    # in SQL sliding windows share their slices
                    if workload == "W3" and variant != CHAINED:
                        self.one(title, f"Flink SQL, parallelism {variant}",
                                 flink_command(options, "W3/SQL", keys, records, variant), None, row, keys, threads, small)

    def run_queries(self):
        options = self.options
        if not (options.nexmark and options.flink) or not any(self.wanted(f"Nexmark {query}") for query in QUERIES):
            return
        check = subprocess.run(["java", *JAVA_OPTIONS, "-cp", f"{options.flink}/flink-peer-1.jar:{options.flink}/lib/*",
                                "peer.NexmarkCheck"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if check.returncode != 0:
            self.failures.append(f"Nexmark: the events in Java are not those of docs/nexmark.md: {check.stdout}")
            return
        for query in QUERIES:
            for variant in options.parallelism.split(","):
                title = f"Nexmark {query}"
                if variant == CHAINED or not self.wanted(title):
                    continue

                def ours(query=query, variant=variant):
                    own = nexmark_run(options, query, options.events, int(variant))
                    return {"count": own["rows"], "checksum": own.get("checksum"), "millrace": 1e9 / own["events_per_second"],
                            "millrace_cpu": own["cpu_ns_per_event"], "memory": own["peak_megabytes"]}

                def action(title=title, query=query, variant=variant):
                    with Peer("Flink", flink_command(options, query, 0, options.events, variant)) as peer:
                        return compare(title, flink_title(variant), peer, ours, options.repetitions, int(variant),
                                       query not in NOT_COMPARABLE)
                result = self.guarded(f"{title} | {flink_title(variant)}", action)
                if result:
                    self.queries.append(result)


# ---- what is said of a run


def command_output(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()
    except OSError:
        return ""


def processor():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2**20
    return f"{model}, {os.cpu_count()} processors, {memory:.0f} GiB of memory"


def versions(options):
    names = [command_output(options.cxx, "--version").splitlines()[0], f"Linux {os.uname().release}"]
    if options.flink:
        names.append(command_output("java", "-version").splitlines()[1])
        names.append(f"Apache Flink {flink_version(options)}")
    if options.tbb:
        names.append("oneTBB " + (command_output("pkg-config", "--modversion", "tbb") or "of the system"))
    return "; ".join(names)


def settings(options):
    texts = []
    if options.quick:
        texts.append("**Small sizes (`--quick`): good for comparing results; much of a Java program is not compiled yet after so few "
                     "records.**")
    if options.flink:
        texts.append(f"Flink: `java {' '.join(o for o in JAVA_OPTIONS if not o.startswith('--add'))}`, settings in "
                     "[docs/benchmarks.md](../docs/benchmarks.md#apache-flink).")
    return " ".join(texts)


class ProcessorUse:
    """Of the processors' time since it was made, the share that other programs have used and the one that the host has given to
    others."""

    def __init__(self):
        self.before = self.now()

    @staticmethod
    def now():
        """Seconds: of all processors together, in use, not given by the host, used by this program and those it has run."""
        with open("/proc/stat") as file:
            user, nice, system, idle, waiting, interrupts, soft, stolen = [
                int(field) / os.sysconf("SC_CLK_TCK") for field in file.readline().split()[1:9]]
        used = user + nice + system + interrupts + soft
        own = sum(usage.ru_utime + usage.ru_stime
                  for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
        return used + idle + waiting + stolen, used, stolen, own

    def of_others(self):
        everything, used, stolen, own = (now - before for now, before in zip(self.now(), self.before))
        everything = max(everything, 1e-3)  # the system counts in hundredths
        return min(1, max(0, used - own) / everything), stolen / everything


def described_rows(options, comparison, began, use):
    """The rows with all that has to be known of how they were measured."""
    others, stolen = use.of_others()
    common = {
        "date": f"{began:%Y-%m-%d %H:%M}", "machine": processor(), "versions": versions(options), "settings": settings(options),
        "command": options.command, "repetitions": options.repetitions,
        "load": f"other programs took {others:.0%} of the processors, other machines of the host {stolen:.0%}",
        "busy": (others + stolen) * os.cpu_count() > BUSY,
    }
    rows = [(row, "workload") for row in comparison.rows] + [(row, "query") for row in comparison.queries]
    return [{**row, **common, "kind": kind} for row, kind in rows]


def write_results(options, new):
    """Adds the new rows to the file, and makes the report and the charts of all rows."""
    titles = [title for title, *_ in WORKLOADS] + [f"Nexmark {query}" for query in QUERIES]
    path = os.path.join(options.root, "benchmarks", "results.json")
    rows = results.merged(results.load(path), new)
    results.save(path, rows)
    report = os.path.join(options.root, "benchmarks", "RESULTS.md")
    with open(report, "w") as file:
        file.write(results.report(rows, titles))
    images = os.path.join(options.root, "docs", "images")
    for name, title, kind in (("peers_workloads", "Nanoseconds per record", "workload"),
                              ("peers_nexmark", "Nexmark: nanoseconds per event", "query")):
        groups = results.bars_of(rows, titles, kind)
        if groups:
            with open(os.path.join(images, f"{name}.svg"), "w") as file:
                file.write(charts.bars(title, groups))
    say(f"written: {path}, {report}")


def flink_version(options):
    for name in os.listdir(os.path.join(options.flink, "lib")):
        if name.startswith("flink-runtime-"):
            return name[len("flink-runtime-"):-len(".jar")]
    return "?"


def main():
    parser = argparse.ArgumentParser(prog="benchmarks/compare")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", default="", metavar="TEXT", help="rows with one of these, between commas, in their title")
    parser.add_argument("--parallelism", default="chained,1,2", metavar="LIST", help="of Flink: chained,1,2")
    parser.add_argument("--events", type=int, default=2_000_000, help="of Nexmark")
    parser.add_argument("--quick", action="store_true", help="2 000 000 records in every row, 200 000 events of Nexmark")
    parser.add_argument("--smoke", action="store_true", help="a few seconds, without Flink; writes no report")
    parser.add_argument("--report", action="store_true", help="measures nothing: the report and the charts of what is there")
    for built in ("--root", "--work", "--cxx", "--throughput", "--nexmark", "--ranges", "--tbb", "--flink"):
        parser.add_argument(built, default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    arguments = sys.argv[1:]
    hidden = {"--root", "--work", "--cxx", "--throughput", "--nexmark", "--ranges", "--tbb", "--flink"}
    shown = [a for i, a in enumerate(arguments) if a not in hidden and (i == 0 or arguments[i - 1] not in hidden)]
    options.command = " ".join(["benchmarks/compare", *shown])
    if options.quick:
        options.events = min(options.events, 200_000)
    if options.smoke:
        options.flink = options.nexmark = ""
        options.repetitions = 1
        options.only = options.only or "W1"
    if options.report:
        write_results(options, [])
        return 0
    began, use = datetime.datetime.now(datetime.timezone.utc), ProcessorUse()
    comparison = Comparison(options)
    try:
        comparison.run_workloads()
        comparison.run_queries()
    finally:  # also what has been measured when it is stopped
        if not options.smoke and (comparison.rows or comparison.queries):
            write_results(options, described_rows(options, comparison, began, use))
    if not comparison.rows and not comparison.queries and not comparison.failures:
        say("nothing was compared: no row has that title, or no peer is there")
        return 1
    if comparison.failures:
        print(f"\n{len(comparison.failures)} COMPARISONS HAVE FAILED:", flush=True)
        for failure in comparison.failures:
            print(f"  {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
