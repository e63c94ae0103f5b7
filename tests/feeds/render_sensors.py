"""Renders the sensors of a Home Assistant configuration against a document, and prints their states as JSON.

It does what Home Assistant does with a `rest` sensor: it parses the YAML, and renders each `value_template` and
`availability` with Jinja2, with the document as `value_json`.
"""

import json
import sys
from pathlib import Path

import jinja2
import yaml

# !secret stands for a value of another file.
yaml.SafeLoader.add_constructor("!secret", lambda loader, node: f"secret:{node.value}")

configuration = yaml.safe_load(Path(sys.argv[1]).read_text())
value_json = json.loads(Path(sys.argv[2]).read_text())
# A field that the document doesn't have is an error.
environment = jinja2.Environment(undefined=jinja2.StrictUndefined)


def render(template):
    return environment.from_string(template).render(value_json=value_json).strip()


states = {}
for source in configuration["rest"]:
    assert source["resource"], source
    for kind in ["sensor", "binary_sensor"]:
        for sensor in source.get(kind, []):
            is_available = render(sensor.get("availability", "{{ true }}")) == "True"
            state = render(sensor["value_template"]) if is_available else None
            assert sensor["unique_id"] not in states, sensor
            states[sensor["unique_id"]] = state
            for attribute in sensor.get("json_attributes", []):
                assert attribute in value_json, attribute
json.dump(states, sys.stdout)
