"""The release workflow builds the archives that `cargo binstall` downloads."""

import tomllib
import unittest

import templates
from samcli.yamlhelper import yaml_parse

WORKFLOW = yaml_parse((templates.ROOT / ".github/workflows/release.yml").read_text())
PACKAGE = tomllib.loads((templates.ROOT / "crates/cli/Cargo.toml").read_text())["package"]
BINSTALL = PACKAGE["metadata"]["binstall"]
VERSION = "1.2.3"


def filled(text, target):
    """Resolves a template of cargo-binstall, for an archive of the format `tgz`."""
    names = {"repo": "", "version": VERSION, "target": target, "bin": "hippo", "archive-suffix": ".tar.gz", "binary-ext": ""}
    for name, value in names.items():
        text = text.replace("{ %s }" % name, value)
    return text


class Release(unittest.TestCase):
    def setUp(self):
        self.build = WORKFLOW["jobs"]["build"]
        self.steps = {step.get("name"): step for step in self.build["steps"]}
        self.targets = [one["target"] for one in self.build["strategy"]["matrix"]["include"]]

    def archive(self, target):
        """The name of a target's archive in the workflow, without its suffix."""
        first = self.steps["Archive"]["run"].splitlines()[0]
        self.assertTrue(first.startswith("name="))
        return first.removeprefix("name=").replace("${TAG#v}", VERSION).replace("$TARGET", target)

    def test_linux_and_macos_are_built_for_both_architectures(self):
        systems = ("unknown-linux-gnu", "apple-darwin")
        self.assertCountEqual(self.targets, [f"{machine}-{system}" for machine in ("x86_64", "aarch64") for system in systems])

    def test_binstall_downloads_the_archives_of_the_release(self):
        self.assertEqual(BINSTALL["pkg-fmt"], "tgz")
        for target in self.targets:
            asked = filled(BINSTALL["pkg-url"], target)
            self.assertEqual(asked, f"/releases/download/v{VERSION}/{self.archive(target)}.tar.gz")
            self.assertEqual(filled(BINSTALL["bin-dir"], target), f"{self.archive(target)}/hippo")

    def test_each_archive_has_provenance_and_a_checksum(self):
        (attest,) = [step for step in self.build["steps"] if step.get("uses", "").startswith("actions/attest-build-provenance@")]
        self.assertEqual(attest["with"]["subject-path"], "hippo-*.tar.gz")
        for right in ("id-token", "attestations"):
            self.assertEqual(self.build["permissions"][right], "write")
        self.assertIn("shasum -a 256", self.steps["Archive"]["run"])
        (create,) = [step["run"] for step in WORKFLOW["jobs"]["draft"]["steps"] if "gh release create" in step.get("run", "")]
        self.assertIn("SHA256SUMS", create)


if __name__ == "__main__":
    unittest.main()
