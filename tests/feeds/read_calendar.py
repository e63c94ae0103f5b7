"""Reads a calendar with the package icalendar, and prints its events as JSON."""

import json
import sys
from pathlib import Path

import icalendar

calendar = icalendar.Calendar.from_ical(Path(sys.argv[1]).read_bytes())
assert calendar.errors == [], calendar.errors
events = []
for event in calendar.walk("VEVENT"):
    assert event.errors == [], event.errors
    events.append(
        {
            "uid": str(event["uid"]),
            "start": event["dtstart"].dt.isoformat(),
            "end": event["dtend"].dt.isoformat(),
            "stamp": event["dtstamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "summary": str(event["summary"]),
            "description": str(event.get("description", "")),
            "url": str(event.get("url", "")),
        }
    )
json.dump(events, sys.stdout)
