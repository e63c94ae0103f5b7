"""The permissions of all roles and policies, compared with rights.txt. `python tests/template/test_rights.py` rewrites the file."""

import fnmatch
import pathlib
import unittest

import templates

EXPECTED = pathlib.Path(__file__).with_name("rights.txt")
# The policies for people. Every other policy is a function's.
PEOPLES_POLICIES = ("OperatorPolicy", "KeyPolicy")
PARTITIONS = (
    "ATTEMPT", "AUDIT", "CARD", "DAYS", "FAMILY", "FEED", "IDENTITY", "INVITATION", "LIBRARY", "OPERATOR", "PAUSE", "PERSON", "PICTURE", "RATE", "RUN", "SCHEDULE",
    "SECRET", "SESSION",
)


def listed(value):
    return [value] if isinstance(value, str) else list(value)


def sends(statement):
    """Whether it allows sending mail."""
    return any(action.startswith("ses:Send") for action in listed(statement["Action"]))


def statements(document):
    """Each statement as text: actions, resources and conditions."""
    for statement in document["Statement"]:
        refused = {"NotAction", "NotResource", "Principal"} & set(statement)
        assert not refused and statement["Effect"] == "Allow", statement
        yield "  " + ", ".join(sorted(listed(statement["Action"])))
        for resource in listed(statement["Resource"]):
            yield f"    on {resource}"
        for operator, tests in sorted(statement.get("Condition", {}).items()):
            for key, values in sorted(tests.items()):
                yield f"    when {operator} {key} = {' | '.join(listed(values))}"


def rights(resources):
    """All roles and policies of the stack, as one text."""
    lines = []
    for name, role in templates.of_type(resources, "AWS::IAM::Role").items():
        users = [
            user for user, resource in resources.items()
            if f"{name}.Arn" in (resource.get("Properties", {}).get("Role"), resource.get("Properties", {}).get("Parameters", {}).get("Role"))
        ]
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        lines.append(f"{name}, taken by {trust['Principal']['Service']} for {', '.join(sorted(users))}")
        for operator, tests in trust.get("Condition", {}).items():
            lines.extend(f"    when {operator} {key} = {value}" for key, value in tests.items())
        for policy in role["Policies"]:
            lines.extend(statements(policy["PolicyDocument"]))
        lines.append("")
    for name, policy in templates.of_type(resources, "AWS::IAM::ManagedPolicy").items():
        lines.append(f"{name}, for a person")
        lines.extend(statements(policy["PolicyDocument"]))
        lines.append("")
    # What services may do without a role, by the policy of the resource.
    for permission in templates.of_type(resources, "AWS::Lambda::Permission").values():
        lines.append(f"{permission['Principal']}, by the function")
        lines.append(f"  {permission['Action']}")
        lines.append(f"    on {permission['FunctionName']}")
        lines.append(f"    when ArnLike aws:SourceArn = {permission['SourceArn']}")
        lines.append("")
    for policy in templates.of_type(resources, "AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            about = dict(statement)
            lines.append(f"{about.pop('Principal')['Service']}, by the queue")
            lines.extend(statements({"Statement": [about]}))
            lines.append("")
    return "\n".join(lines)


class Rights(unittest.TestCase):
    def setUp(self):
        self.resources = templates.filled()["Resources"]
        self.roles = templates.of_type(self.resources, "AWS::IAM::Role")

    def test_permissions_match_the_committed_list(self):
        self.maxDiff = None
        self.assertEqual(rights(self.resources), EXPECTED.read_text())

    def test_every_function_has_its_own_role_without_managed_policies(self):
        taken = [function["Role"] for function in templates.of_type(self.resources, "AWS::Lambda::Function").values()]
        self.assertEqual(len(set(taken)), len(templates.FUNCTIONS))
        self.assertEqual({f"{name}.Arn" for name in self.roles}, set(taken) | {"ScheduleRole.Arn"})
        for name, role in self.roles.items():
            self.assertNotIn("ManagedPolicyArns", role, name)
        self.assertEqual(templates.of_type(self.resources, "AWS::IAM::Policy"), {})

    def test_no_action_is_a_pattern_and_no_resource_is_a_wildcard(self):
        for name, document in self.documents():
            for statement in document["Statement"]:
                for action in listed(statement["Action"]):
                    self.assertNotIn("*", action, name)
                if listed(statement["Action"]) == ["ses:GetAccount"]:
                    self.assertEqual(name, "OperatorPolicy", "It only reads, and IAM has no resource type for it.")
                    continue
                for resource in listed(statement["Resource"]):
                    self.assertNotEqual(resource, "*", name)

    def test_only_check_card_may_read_secrets(self):
        self.assertEqual(self.functions_that(lambda statement: "SECRET" in str(statement)), {"CheckCardRole", "WebPagesRole"})
        for name, document in self.documents():
            if name in PEOPLES_POLICIES:
                continue
            for statement in document["Statement"]:
                on_table = "Table.Arn" in listed(statement["Resource"])
                allowed_keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
                if on_table:
                    # ForAllValues is true for a request without leading keys.
                    self.assertEqual(statement["Condition"]["Null"], {"dynamodb:LeadingKeys": "false"}, name)
                    self.assertTrue(allowed_keys, name)
                    self.assertTrue(all(key.split("#")[0] in PARTITIONS for key in allowed_keys), name)
                    if "SECRET#*" in allowed_keys:
                        # The web pages seal a number and a PIN, and remove a card. The command does both, too.
                        allowed = {"CheckCardRole": {"dynamodb:BatchGetItem"}, "WebPagesRole": {"dynamodb:PutItem", "dynamodb:DeleteItem"}}
                        self.assertEqual(set(listed(statement["Action"])), allowed[name])

    def test_only_picture_of_the_day_may_use_pictures(self):
        self.assertEqual(self.functions_that(lambda statement: "PICTURE" in str(statement)), {"PictureOfTheDayRole"})

    def test_only_check_card_and_the_key_policy_may_read_the_private_key(self):
        private = "arn:aws:ssm:region:account:parameter/libraryhippo/stack/key"
        readers = {
            name for name, document in self.documents() for statement in document["Statement"]
            if private in listed(statement["Resource"]) and "ssm:GetParameter" in listed(statement["Action"])
        }
        self.assertEqual(readers, {"CheckCardRole", "KeyPolicy"})

    def test_web_pages_may_neither_send_mail_nor_read_a_pin_nor_look_through_the_table(self):
        document = self.roles["WebPagesRole"]["Policies"][0]["PolicyDocument"]
        actions = {action for statement in document["Statement"] for action in listed(statement["Action"])}
        self.assertEqual([action for action in actions if action.startswith("ses:")], [])
        self.assertNotIn("dynamodb:Scan", actions)
        keys = [resource for statement in document["Statement"] if "ssm:GetParameter" in listed(statement["Action"]) for resource in listed(statement["Resource"])]
        self.assertEqual([key.rsplit("/", 1)[1] for key in keys], ["public-key", "fingerprint-key", "oidc-secret"])
        invoked = [resource for statement in document["Statement"] if "lambda:InvokeFunction" in listed(statement["Action"]) for resource in listed(statement["Resource"])]
        self.assertEqual(invoked, ["CheckCards.Arn", "NotifyAll.Arn", "PictureOfTheDay.Arn"])
        indexes = [resource for statement in document["Statement"] for resource in listed(statement["Resource"]) if "/index/" in resource]
        # No index holds a secret.
        self.assertEqual(
            sorted(indexes),
            ["Table.Arn/index/cards-to-check", "Table.Arn/index/failed-cards", "Table.Arn/index/listing"],
        )

    def test_secret_of_the_identity_provider_is_read_by_the_web_pages_alone(self):
        name = "arn:aws:ssm:region:account:parameter/libraryhippo/stack/oidc-secret"
        self.assertEqual(self.functions_that(lambda statement: name in listed(statement["Resource"])), {"WebPagesRole"})
        without = rights(templates.filled(WebOidcIssuer="none")["Resources"])
        self.assertNotIn("oidc-secret", without)
        lines = [line for line in rights(self.resources).splitlines() if "oidc-secret" not in line]
        # One statement less, and nothing else.
        lines.remove("  ssm:GetParameter")
        rest = without.splitlines()
        rest.remove("  ssm:GetParameter")
        self.assertEqual(sorted(lines), sorted([*rest, "  ssm:GetParameter"]))

    def test_stack_without_web_pages_has_none_of_their_rights(self):
        resources = templates.filled(Web="false")["Resources"]
        shown = rights(resources)
        for words in ("Web", "ATTEMPT", "IDENTITY", "SESSION", "RATE", "apigateway", "oidc"):
            self.assertNotIn(words, shown)
        with_pages = rights(self.resources)
        for role in ("CheckCardsRole", "CheckCardRole", "NotifyAllRole", "MailEventsRole", "PictureOfTheDayRole"):
            of_role = lambda text: text[text.index(f"{role}, taken"):].split("\n\n")[0]
            self.assertEqual(of_role(shown), of_role(with_pages))

    def test_only_the_key_policy_may_write_a_key(self):
        writers = {
            name for name, document in self.documents() for statement in document["Statement"]
            if "ssm:PutParameter" in listed(statement["Action"])
        }
        self.assertEqual(writers, {"KeyPolicy"})

    def test_only_those_who_send_to_families_may_send_to_any_recipient(self):
        self.assertEqual(self.functions_that(sends), {"NotifyAllRole", "NotifyFamilyRole", "PictureOfTheDayRole"})
        for name, document in self.documents():
            for statement in filter(sends, document["Statement"]):
                condition = {"StringEquals": {"ses:FromAddress": "hippo@example.org"}}
                if name == "NotifyAllRole":
                    condition["ForAllValues:StringEquals"] = {"ses:Recipients": "operator@example.org"}
                self.assertEqual(statement["Condition"], condition, name)

    def test_services_without_a_role_are_limited_to_this_stacks_rule(self):
        permissions = templates.of_type(self.resources, "AWS::Lambda::Permission")
        callers = {permission["Principal"]: permission["SourceArn"] for permission in permissions.values()}
        self.assertEqual(callers, {
            "events.amazonaws.com": "MailEventsMail.Arn",
            "apigateway.amazonaws.com": "arn:aws:execute-api:region:account:WebApi/*",
        })
        for policy in templates.of_type(self.resources, "AWS::SQS::QueuePolicy").values():
            for statement in policy["PolicyDocument"]["Statement"]:
                self.assertEqual(statement["Condition"], {"ArnEquals": {"aws:SourceArn": "MailEventsMail.Arn"}})
                self.assertEqual(f"{policy['Queues'][0]}.Arn", statement["Resource"])

    def test_mail_may_use_any_identity_but_only_one_from_address(self):
        # SES checks the identity of the address or of its domain, the configuration set, and in the sandbox each recipient's
        # identity. https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
        asked = ["identity/hippo@example.org", "identity/example.org", "identity/pat@example.net", "configuration-set/MailSettings"]
        for identity in ("none", "example.org", "hippo@example.org"):
            self.resources = templates.filled(MailIdentity=identity)["Resources"]
            self.roles = templates.of_type(self.resources, "AWS::IAM::Role")
            sending = [(name, statement) for name, document in self.documents() for statement in document["Statement"] if sends(statement)]
            self.assertEqual({name for name, _ in sending}, {"NotifyAllRole", "NotifyFamilyRole", "OperatorPolicy", "PictureOfTheDayRole"})
            for name, statement in sending:
                self.assertEqual(set(listed(statement["Action"])), {"ses:SendEmail", "ses:SendRawEmail"}, name)
                for resource in asked:
                    arn = f"arn:aws:ses:region:account:{resource}"
                    self.assertTrue(any(fnmatch.fnmatchcase(arn, one) for one in listed(statement["Resource"])), (name, arn))
                self.assertEqual(statement["Condition"]["StringEquals"], {"ses:FromAddress": "hippo@example.org"}, name)

    def documents(self):
        for name, role in self.roles.items():
            for policy in role["Policies"]:
                yield name, policy["PolicyDocument"]
        for name in PEOPLES_POLICIES:
            yield name, self.resources[name]["Properties"]["PolicyDocument"]

    def functions_that(self, does):
        return {
            name for name, document in self.documents()
            if name not in PEOPLES_POLICIES and any(does(statement) for statement in document["Statement"])
        }


if __name__ == "__main__":
    EXPECTED.write_text(rights(templates.filled()["Resources"]))
