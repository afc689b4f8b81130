"""Paid orders of the order and payment example: order_payment_join.py ORDERS PAYMENTS"""
import csv
import sys
from datetime import datetime, timezone


def millis(text):
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def read(path):
    with open(path, encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


orders = {int(row["order"]): (int(row["customer"]), millis(row["time"])) for row in read(sys.argv[1])}
paid = []
for row in read(sys.argv[2]):
    number, time = int(row["order"]), millis(row["time"])
    if number in orders:
        customer, ordered = orders[number]
        if -60_000 <= time - ordered <= 900_000:
            paid.append((number, customer, f"{float(row['amount']):.2f}", time - ordered, max(time, ordered)))
print("order,customer,amount,time_to_pay_ms,time_ms")
for each in sorted(paid):
    print(*each, sep=",")
