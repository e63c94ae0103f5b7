"""Prints a moto server's only mail as JSON: its bytes, its envelope, and what Python's email package reads."""

import email
import email.policy
import json
import sys
import urllib.request

with urllib.request.urlopen(f"{sys.argv[1]}/moto-api/data.json", timeout=30) as answer:
    (mail,) = json.load(answer)["ses"]["RawMessage"]

read = email.message_from_bytes(mail["raw_data"].encode(), policy=email.policy.default)
parts = list(read.iter_parts())
json.dump({
    "raw": mail["raw_data"],
    "source": mail["source"],
    "destinations": mail["destinations"],
    "headers": [[name, str(value)] for name, value in read.items()],
    "boundary": read.get_boundary(),
    "parts": [
        {"kind": part.get_content_type(), "charset": part.get_content_charset(), "text": part.get_content()} for part in parts
    ],
    "defects": [
        str(defect) for holder in [read, *parts] for defect in
        [*holder.defects, *(defect for value in holder.values() for defect in value.defects)]
    ],
}, sys.stdout)
