"""The command `hippo` on a deployed stack, and what the tests put there with it."""

import json

from machine import ROOT, run

HIPPO = ROOT / "target/debug/hippo"
# The names, numbers and PINs are the demo libraries' own; Tom's PIN is wrong.
CARDS = [
    ("calder", "riverside", "Ines", "21000000004711", "2468"),
    ("calder", "riverside", "Tom", "21000000004712", "0000"),
    ("okoye", "lakeshore", "Mara", "23000000001203", "7788"),
]


class Hippo:
    """`hippo --target aws` for one stack; `home` is a home on this machine, for what goes there and back."""

    def __init__(self, env, stack, home):
        self.env = env | {"HIPPO_HOME": str(home)}
        self.stack = stack

    def __call__(self, *arguments, **options):
        """Runs it on AWS, and returns what it prints."""
        return run([HIPPO, "--target", "aws", "--stack", self.stack, *arguments], self.env, **options)

    def json(self, *arguments, **options):
        """The same, as a document."""
        return json.loads(self(*arguments, "--json", **options))

    def here(self, *arguments, **options):
        """Runs it on this machine's home; the stack is what it exports for."""
        return run([HIPPO, "--stack", self.stack, *arguments], self.env, **options)

    def furnish(self, libraries):
        """The key, two libraries, two families, three cards."""
        url = dict(reversed(libraries))
        self("init")
        self("library", "add", "riverside", "--system", "bibliocommons", "--url", url["bibliocommons"], "--name", "Riverside Library")
        self("library", "add", "lakeshore", "--system", "enterprise", "--url", url["enterprise"], "--name", "Lakeshore Library",
             "--date-format", "%-m/%-d/%y")
        # Due since midnight: whatever the time is, the first tick finds their notes to send.
        self("family", "add", "calder", "--name", "The Calders", "--to", "ines@example.org", "--to", "tom@example.org", "--time", "00:00")
        self("family", "add", "okoye", "--name", "Mara", "--to", "mara@example.org", "--time", "00:00")
        for family, library, patron, number, pin in CARDS:
            self("card", "add", "--family", family, "--library", library, "--patron", patron, "--number", number,
                 "--pin-stdin", "--no-check", input=f"{pin}\n")
