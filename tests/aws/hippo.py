"""Runs the command `hippo` on a deployed stack, and adds test data with it."""

import json

from machine import BINARIES, run

HIPPO = BINARIES / "hippo"
# The names, numbers and PINs are the demo libraries' own; Tom's PIN is wrong.
CARDS = [
    ("calder", "riverside", "Ines", "21000000004711", "2468"),
    ("calder", "riverside", "Tom", "21000000004712", "0000"),
    ("okoye", "lakeshore", "Mara", "23000000001203", "7788"),
]


class Hippo:
    """`hippo --target aws` for one stack. `home` is a home on this machine, for moves."""

    def __init__(self, env, stack, home):
        self.env = env | {"HIPPO_HOME": str(home)}
        self.stack = stack

    def __call__(self, *arguments, **options):
        """Runs it on AWS, and returns its output."""
        return run([HIPPO, "--target", "aws", "--stack", self.stack, *arguments], self.env, **options)

    def json(self, *arguments, **options):
        """Runs it on AWS, and returns its JSON output, parsed."""
        return json.loads(self(*arguments, "--json", **options))

    def run_local(self, *arguments, **options):
        """Runs it on this machine's home. The stack is the target of an export."""
        return run([HIPPO, "--stack", self.stack, *arguments], self.env, **options)

    def add_test_data(self, libraries):
        """Adds the key, two libraries, two families and three cards."""
        url = dict(reversed(libraries))
        self("init")
        self("library", "add", "riverside", "--system", "bibliocommons", "--url", url["bibliocommons"], "--name", "Riverside Library")
        self("library", "add", "lakeshore", "--system", "enterprise", "--url", url["enterprise"], "--name", "Lakeshore Library",
             "--date-format", "%-m/%-d/%y")
        # Due since midnight, so the first tick sends their notices at any time of day.
        self("family", "add", "calder", "--name", "The Calders", "--to", "ines@example.org", "--to", "tom@example.org", "--time", "00:00")
        self("family", "add", "okoye", "--name", "Mara", "--to", "mara@example.org", "--time", "00:00")
        for family, library, patron, number, pin in CARDS:
            self("card", "add", "--family", family, "--library", library, "--patron", patron, "--number", number,
                 "--pin-stdin", "--no-check", input=f"{pin}\n")
