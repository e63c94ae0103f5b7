"""Prints a moto server's only mail as JSON: its bytes, its envelope, and what Python's email package reads."""

import base64
import email
import email.policy
import json
import sys
import urllib.request

with urllib.request.urlopen(f"{sys.argv[1]}/moto-api/data.json", timeout=30) as answer:
    (mail,) = json.load(answer)["ses"]["RawMessage"]

read = email.message_from_bytes(mail["raw_data"].encode(), policy=email.policy.default)
holders = list(read.walk())
parts = [part for part in holders if not part.is_multipart()]


def text_of(part):
    """The text of a part; of a picture its bytes in base64."""
    content = part.get_content()
    return content if isinstance(content, str) else base64.b64encode(content).decode()


json.dump({
    "raw": mail["raw_data"],
    "source": mail["source"],
    "destinations": mail["destinations"],
    "headers": [[name, str(value)] for name, value in read.items()],
    "boundary": read.get_boundary(),
    "parts": [
        {
            "kind": part.get_content_type(),
            "charset": part.get_content_charset(),
            "content_id": part["Content-ID"],
            "disposition": part.get_content_disposition(),
            "file_name": part.get_filename(),
            "text": text_of(part),
        }
        for part in parts
    ],
    "holders": [part.get_content_type() for part in holders if part.is_multipart()],
    "defects": [
        str(defect) for holder in holders for defect in
        [*holder.defects, *(defect for value in holder.values() for defect in value.defects)]
    ],
}, sys.stdout)
