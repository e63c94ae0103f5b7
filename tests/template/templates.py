"""The template as CloudFormation gets it: translated by SAM, with parameters and conditions resolved."""

import functools
import os
import pathlib
import re

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTIONS = {
    "CheckCards": "check-cards",
    "CheckCard": "check-card",
    "NotifyAll": "notify-all",
    "NotifyFamily": "notify-family",
    "MailEvents": "mail-events",
    "PictureOfTheDay": "picture-of-the-day",
    "WebPages": "web",
}
OIDC = {"WebOidcIssuer": "https://id.example.org", "WebOidcClientId": "hippo"}
GIVEN = {"MailFrom": "hippo@example.org", "OperatorEmail": "operator@example.org", "Contact": "https://hippo.example.org"}
PSEUDO = {
    "AWS::AccountId": "account",
    "AWS::Partition": "aws",
    "AWS::Region": "region",
    "AWS::StackId": "stack-id",
    "AWS::StackName": "stack",
}
NOTHING = object()


class NoManagedPolicies:
    """The template may use no managed policies, since it doesn't control what they allow."""

    @staticmethod
    def load():
        return {}


def read(path):
    """Reads and parses a template."""
    return yaml_parse((ROOT / path).read_text())


@functools.lru_cache
def translated():
    """template.yaml after SAM's translator, with its intrinsic functions."""
    return yaml_parse(SamTemplateValidator(read("template.yaml"), NoManagedPolicies()).get_translated_template_if_valid())


def filled(template=None, **given):
    """A template with its intrinsic functions resolved: parameters to the given or default values, resources to their names.

    Everything is in it, so also the web pages and their identity provider, which are not there by default.
    """
    template = template or translated()
    values = {name: about.get("Default") for name, about in template["Parameters"].items()} | GIVEN | {"Web": "true"} | OIDC | given
    filler = Filler(template, values)
    resources = {}
    for name, resource in template["Resources"].items():
        if not isinstance(resource.get("Condition"), str) or filler.holds(resource["Condition"]):
            resources[name] = filler.fill(resource)
    outputs = {
        name: filler.fill(output) for name, output in template.get("Outputs", {}).items()
        if "Condition" not in output or filler.holds(output["Condition"])
    }
    return {"Resources": resources, "Outputs": outputs, "Parameters": values}


def scheduled(**given):
    """infra/schedules.yaml with the parameters that template.yaml passes, resolved."""
    passed = filled(**given)["Resources"]["Schedules"]["Properties"]["Parameters"]
    return filled(read("infra/schedules.yaml"), **passed)


def rule_holds(name, **given):
    """Whether a rule of template.yaml accepts these parameters; the others have their defaults."""
    template = translated()
    values = {parameter: about.get("Default") for parameter, about in template["Parameters"].items()} | given
    (rule,) = template["Rules"][name]["Assertions"]
    return Filler(template, values).fill(rule["Assert"])


def of_type(resources, kind):
    """The properties of every resource of a type, by name."""
    return {name: resource.get("Properties", {}) for name, resource in resources.items() if resource["Type"] == kind}


class Filler:
    """Resolves the intrinsic functions that the template uses. Any other is an error."""

    def __init__(self, template, values):
        self.template, self.values = template, values

    def holds(self, condition):
        return self.fill(self.template["Conditions"][condition])

    def fill(self, node):
        if isinstance(node, list):
            return [item for item in map(self.fill, node) if item is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), = node.items()
            if function == "Ref" or function.startswith("Fn::"):
                return getattr(self, function.replace("Fn::", "").lower())(argument)
        filled = {key: self.fill(value) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not NOTHING}

    def ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.template["Parameters"]:
            return self.values[name]
        assert name in self.template["Resources"], name
        return name

    def getatt(self, argument):
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        assert name in self.template["Resources"], name
        return f"{name}.{attribute}"

    def sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})

        def one(match):
            name = match[1]
            if name in own:
                return str(self.fill(own[name]))
            return str(self.getatt(name) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^!}]+)\}", one, text)

    def findinmap(self, argument):
        name, first, second = map(self.fill, argument)
        return self.template["Mappings"][name][str(first)][second]

    def equals(self, argument):
        one, other = map(self.fill, argument)
        return str(one) == str(other)

    def contains(self, argument):
        texts, text = map(self.fill, argument)
        # CloudFormation compares a number's text.
        return str(text) in map(str, texts)

    def not_(self, argument):
        return not self.fill(argument[0])

    def or_(self, argument):
        return any(map(self.fill, argument))

    def and_(self, argument):
        return all(map(self.fill, argument))

    def join(self, argument):
        between, parts = argument
        return between.join(map(str, self.fill(parts)))

    def __getattr__(self, name):
        raise AttributeError(f"The tests don't support the intrinsic function {name}.")


def fn_if(self, argument):
    condition, then, otherwise = argument
    return self.fill(then if self.holds(condition) else otherwise)


setattr(Filler, "if", fn_if)
setattr(Filler, "not", Filler.not_)
setattr(Filler, "or", Filler.or_)
setattr(Filler, "and", Filler.and_)
