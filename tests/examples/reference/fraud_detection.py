"""Alerts of the fraud detection example: fraud_detection.py TRANSACTIONS RULES"""
import csv
import sys
from collections import defaultdict
from datetime import datetime, timezone


def millis(text):
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def read(path):
    with open(path, encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


versions = defaultdict(list)
for rule in read(sys.argv[2]):
    versions[rule["rule"]].append((millis(rule["time"]), float(rule["small"]), float(rule["large"]), int(rule["seconds"])))

accounts = defaultdict(list)
for payment in read(sys.argv[1]):
    accounts[int(payment["account"])].append((millis(payment["time"]), float(payment["amount"])))

alerts = []
for account, payments in accounts.items():
    payments.sort()
    for (before, small), (time, large) in zip(payments, payments[1:]):
        for name, known in versions.items():
            valid = [version for version in known if version[0] <= time]
            if not valid:
                continue
            _, below, above, seconds = max(valid)
            if small < below and large > above and time - before <= seconds * 1000:
                alerts.append((time, account, name, f"{small:.2f}", f"{large:.2f}"))
print("time_ms,account,rule,small,large")
for alert in sorted(alerts):
    print(*alert, sep=",")
