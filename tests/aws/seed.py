"""What the tests put into the table: two libraries, two families, three cards."""

import json

from machine import ROOT, run

SEED = ROOT / "target/debug/examples/seed"


def seed(libraries):
    """Two libraries, two families, three cards; Tom's PIN is wrong."""
    url = dict(reversed(libraries))

    def card(number, last, **rest):
        return {"id": f"01KAK3V6ZB9V0S7YQJ4M2N8R{last}", "number": number, **rest}

    return {
        "libraries": [
            {"id": "riverside", "name": "Riverside Library", "system": "bibliocommons", "base_url": url["bibliocommons"]},
            {"id": "lakeshore", "name": "Lakeshore Library", "system": "enterprise", "base_url": url["enterprise"],
             "date_format": "%-m/%-d/%y"},
        ],
        "families": [
            {"id": "calder", "name": "The Calders", "recipients": ["ines@example.org", "tom@example.org"]},
            {"id": "okoye", "name": "Mara", "recipients": ["mara@example.org"]},
        ],
        "cards": [
            card("21000000004711", "5A", family="calder", library="riverside", patron="Ines", pin="2468"),
            card("21000000004712", "5B", family="calder", library="riverside", patron="Tom", pin="0000"),
            card("23000000001203", "5C", family="okoye", library="lakeshore", patron="Mara", pin="7788"),
        ],
    }


def sow(folder, libraries, env, table, parameter):
    """Makes the key, and puts all of it there."""
    (folder / "seed.json").write_text(json.dumps(seed(libraries)))
    run([SEED, folder / "seed.json"], env | {"TABLE_NAME": table, "KEY_PARAMETER": parameter})
