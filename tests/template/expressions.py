"""EventBridge Scheduler's expressions: whether they are valid and when they fire. Neither lint nor the emulators check this.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import datetime
import itertools
import re
import zoneinfo

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()


class Field:
    """One of the six fields of a cron expression."""

    def __init__(self, name, low, high, names=()):
        self.name, self.low, self.high = name, low, high
        self.names = {name: low + index for index, name in enumerate(names)}

    def number(self, text):
        """The number that `text` means, or None if it isn't valid in this field."""
        value = self.names.get(text.upper())
        if value is None and re.fullmatch(r"[0-9]{1,4}", text):
            value = int(text)
        return value if value is not None and self.low <= value <= self.high else None

    def is_valid(self, element):
        """Whether one element of a list is valid."""
        base, slash, step = element.partition("/")
        if slash and not (step.isdigit() and 1 <= int(step) <= self.high):
            return False
        if base == "*":
            return True
        bounds = base.split("-")
        return len(bounds) <= 2 and all(self.number(bound) is not None for bound in bounds)


class DayOfMonth(Field):
    """Also L (the last day), L-n (n days before it) and nW (the weekday nearest to the nth)."""

    def is_valid(self, element):
        if element == "L":
            return True
        if before := re.fullmatch(r"L-([0-9]{1,2})", element):
            return 1 <= int(before[1]) <= 30
        if nearest := re.fullmatch(r"([0-9]{1,2})W", element):
            return self.number(nearest[1]) is not None
        return super().is_valid(element)


class DayOfWeek(Field):
    """Also L (Saturday), nL (the month's last n), L-n (n days before) and n#k (the month's kth n)."""

    def is_valid(self, element):
        if element == "L" or re.fullmatch(r"L-[1-6]", element):
            return True
        if last := re.fullmatch(r"([0-9A-Za-z]{1,3})L", element):
            return self.number(last[1]) is not None
        if nth := re.fullmatch(r"([0-9A-Za-z]{1,3})#([1-5])", element):
            return self.number(nth[1]) is not None
        return super().is_valid(element)


FIELDS = [
    Field("minutes", 0, 59),
    Field("hours", 0, 23),
    DayOfMonth("day of the month", 1, 31),
    Field("month", 1, 12, MONTHS),
    DayOfWeek("day of the week", 1, 7, DAYS),
    Field("year", 1970, 2199),
]


def problem(expression):
    """Why the Scheduler would refuse this expression, or None."""
    if rate := re.fullmatch(r"rate\(([0-9]+) (minute|hour|day)s?\)", expression):
        return None if int(rate[1]) > 0 else "A rate must be positive."
    if at := re.fullmatch(r"at\((.+)\)", expression):
        try:
            datetime.datetime.strptime(at[1], "%Y-%m-%dT%H:%M:%S")
        except ValueError:
            return "A time must have the form at(yyyy-mm-ddThh:mm:ss)."
        return None
    if cron := re.fullmatch(r"cron\((.+)\)", expression):
        return cron_problem(cron[1])
    return "It isn't cron(…), rate(…) or at(…)."


def cron_problem(text):
    """Why these fields aren't a cron expression of AWS, or None."""
    fields = text.split(" ")
    if len(fields) != 6:
        return f"It has {len(fields)} fields instead of six."
    of_month, of_week = fields[2], fields[4]
    if (of_month == "?") == (of_week == "?"):
        return "Exactly one of day of the month and day of the week must be a question mark."
    if of_week.count("#") > 1:
        return "The day of the week may contain only one #."
    for field, value in zip(FIELDS, fields):
        if value == "?" and isinstance(field, (DayOfMonth, DayOfWeek)):
            continue
        if not all(field.is_valid(element) for element in value.split(",")):
            return f"{value} isn't a valid {field.name}."
    return None


def firings(expression, timezone, first, last):
    """The instants, in UTC, when a daily `cron(M H * * ? *)` fires on the local dates from `first` to `last`.

    The Scheduler skips a local time that doesn't exist on that day. If a time occurs twice, it fires at the first.
    """
    fields = re.fullmatch(r"cron\(([0-9,]+) ([0-9,]+) \* \* \? \*\)", expression)
    if not fields:
        raise ValueError(f"{expression} doesn't fire daily at fixed times.")
    minutes, hours = (sorted(int(part) for part in field.split(",")) for field in fields.groups())
    zone = zoneinfo.ZoneInfo(timezone)
    day = first
    while day <= last:
        for hour, minute in itertools.product(hours, minutes):
            local = datetime.datetime.combine(day, datetime.time(hour, minute), zone)
            instant = local.astimezone(datetime.timezone.utc)
            if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                yield instant
        day += datetime.timedelta(days=1)
