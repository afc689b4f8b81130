#!/usr/bin/env python3
"""Makes clicks.csv: visits of made-up people to a made-up site. The same seed gives the same file."""
import random

random.seed(20010204)
PAGES = ["/", "/search", "/mill", "/wheel", "/sluice", "/race", "/flour", "/basket", "/checkout"]
USERS = [f"user{n:03d}" for n in range(1, 401)]
START = 986_083_200  # 2001-04-01 00:00 UTC
DAY = 24 * 3600

clicks = []  # (arrival, time in milliseconds, user, page)
for user in USERS:
    time = START + random.uniform(0, DAY / 2)
    while time < START + DAY:
        for page in range(1 + min(int(random.expovariate(0.25)), 25)):
            # most clicks arrive within seconds; a few come from telephones that were out of reach
            delay = random.uniform(0, 20) if random.random() < 0.995 else random.uniform(600, 7200)
            name = "/" if page == 0 and random.random() < 0.7 else random.choice(PAGES)
            clicks.append((time + delay, int(time * 1000), user, name))
            time += random.expovariate(1 / 60)
        time += 900 + random.expovariate(1 / 9000)

clicks.sort()
with open("clicks.csv", "w", encoding="utf-8") as out:
    out.write("user,page,time\n")
    for _, time, user, page in clicks:
        seconds, millis = divmod(time, 1000)
        day, second = divmod(seconds - START, DAY)
        out.write(f"{user},{page},2001-04-{1 + day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{millis:03d}Z\n")
