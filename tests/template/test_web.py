"""The web pages' part of the stack: it can be left out, its API is throttled, and its access log holds no token."""

import functools
import json
import unittest

import templates

DOMAIN = {"WebDomain": "hippo.example.org", "WebCertificate": "arn:aws:acm:ca-central-1:1:certificate/one"}


class Web(unittest.TestCase):
    def setUp(self):
        self.stack = templates.filled()
        self.resources = self.stack["Resources"]

    def of(self, kind):
        return templates.of_type(self.resources, kind)

    def test_stack_has_no_web_pages_by_default(self):
        self.assertEqual(templates.translated()["Parameters"]["Web"]["Default"], "false")
        stack = templates.filled(Web="false")
        self.assertEqual({name for name in stack["Resources"] if name.startswith("Web")}, set())
        self.assertEqual({name for name in stack["Outputs"] if name.startswith("Web")}, set())
        self.assertNotRegex(str(stack["Resources"]), r"WebPages|execute-api|: 'Web")
        given = stack["Resources"]["NotifyFamily"]["Properties"]["Environment"]["Variables"]
        self.assertEqual({name for name in given if name.startswith("WEB_")}, set())

    def test_web_pages_add_to_the_stack_and_change_nothing_else(self):
        without = templates.filled(Web="false")["Resources"]
        changed = {name for name in without if without[name] != self.resources[name]}
        # notify-family sends the pages' messages, mails link to the pages, and the command reads their log.
        self.assertEqual(changed, {"NotifyAll", "NotifyFamily", "NotifyFamilyRole", "PictureOfTheDay", "OperatorPolicy", "Alarms"})

    def test_sign_in_emails_that_are_tried_again_become_no_dead_letters(self):
        # The tries of hippo_core::message::retry.
        holds = functools.partial(templates.rule_holds, "SignInEmailsAreTriedFiveTimes")
        self.assertTrue(holds(Web="true"))
        about = templates.translated()["Parameters"]["NoticeReceiveCount"]
        for count in range(about["MinValue"], about["MaxValue"] + 1):
            self.assertEqual(holds(Web="true", NoticeReceiveCount=count), count >= 5, count)
            self.assertTrue(holds(Web="false", NoticeReceiveCount=count), count)
        variables = self.resources["NotifyFamily"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["NOTICE_QUEUE_URL"], "NoticeQueue")

    def test_requests_are_throttled_before_they_cost_anything(self):
        (stage,) = self.of("AWS::ApiGatewayV2::Stage").values()
        self.assertEqual(stage["StageName"], "$default")
        self.assertEqual(stage["DefaultRouteSettings"], {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20})

    def test_access_log_has_neither_paths_nor_addresses(self):
        (stage,) = self.of("AWS::ApiGatewayV2::Stage").values()
        logged = json.loads(stage["AccessLogSettings"]["Format"])
        self.assertEqual(stage["AccessLogSettings"]["DestinationArn"], "WebAccessLogs.Arn")
        self.assertEqual(logged["route"], "$context.routeKey")
        self.assertEqual(logged["status"], "$context.status")
        for value in logged.values():
            self.assertNotRegex(value, r"(?i)path|identity|sourceip|useragent|query|domain")

    def test_every_path_with_a_token_has_a_route_without_it(self):
        routes = self.of("AWS::ApiGatewayV2::Route").values()
        self.assertEqual({route["RouteKey"] for route in routes}, {
            "$default", "ANY /f/{token}/{file}", "ANY /u/{token}", "ANY /sign-in/{page}",
        })
        self.assertEqual({route["Target"] for route in routes}, {"integrations/WebIntegration"})

    def test_function_answers_before_the_api_gives_up(self):
        (integration,) = self.of("AWS::ApiGatewayV2::Integration").values()
        self.assertEqual((integration["PayloadFormatVersion"], integration["IntegrationUri"]), ("2.0", "WebPages.Arn"))
        self.assertLess(int(self.resources["WebPages"]["Properties"]["Timeout"]) * 1000, int(integration["TimeoutInMillis"]))

    def test_function_starts_the_functions_that_its_role_may_invoke(self):
        given = self.resources["WebPages"]["Properties"]["Environment"]["Variables"]["JOB_FUNCTIONS"]
        started = {f"{pair.split('=')[1]}.Arn" for pair in given.split(",")}
        (policy,) = self.resources["WebPagesRole"]["Properties"]["Policies"]
        (allowed,) = (one["Resource"] for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "lambda:InvokeFunction")
        self.assertEqual(started, set(allowed))

    def test_domain_replaces_the_address_that_aws_chooses(self):
        self.assertEqual(self.stack["Outputs"]["WebUrl"]["Value"], "WebApi.ApiEndpoint")
        self.assertEqual(str(self.resources["WebApi"]["Properties"]["DisableExecuteApiEndpoint"]).lower(), "false")
        stack = templates.filled(**DOMAIN)
        resources = stack["Resources"]
        self.assertEqual(stack["Outputs"]["WebUrl"]["Value"], "https://hippo.example.org")
        self.assertEqual(stack["Outputs"]["WebDomainTarget"]["Value"], "WebDomainName.RegionalDomainName")
        self.assertEqual(str(resources["WebApi"]["Properties"]["DisableExecuteApiEndpoint"]).lower(), "true")
        for name in ("WebPages", "NotifyAll", "NotifyFamily", "PictureOfTheDay"):
            self.assertEqual(resources[name]["Properties"]["Environment"]["Variables"]["WEB_URL"], "https://hippo.example.org", name)
        (domain,) = templates.of_type(resources, "AWS::ApiGatewayV2::DomainName").values()
        (settings,) = domain["DomainNameConfigurations"]
        self.assertEqual(settings["SecurityPolicy"], "TLS_1_2")
        self.assertNotIn("WebDomainName", templates.filled(Web="false", **DOMAIN)["Resources"])

    def test_domain_and_certificate_are_given_together(self):
        holds = functools.partial(templates.rule_holds, "WebDomainAndCertificate")
        self.assertTrue(holds())
        self.assertTrue(holds(WebDomain="", WebCertificate="none"))
        self.assertTrue(holds(**DOMAIN))
        for name in DOMAIN:
            self.assertFalse(holds(**{name: DOMAIN[name]}), name)

    def test_identity_provider_is_passed_whole_or_not_at_all(self):
        variables = lambda **given: {
            name: value for name, value in templates.filled(**given)["Resources"]["WebPages"]["Properties"]["Environment"]["Variables"].items()
            if name.startswith("OIDC_")
        }
        whole = {
            "OIDC_ISSUER": "https://id.example.org",
            "OIDC_CLIENT_ID": "hippo",
            "OIDC_SECRET_PARAMETER": "/libraryhippo/stack/oidc-secret",
        }
        self.assertEqual(variables(), whole)
        self.assertEqual(variables(WebOidcName="Home"), whole | {"OIDC_NAME": "Home"})
        for none in ("", "none"):
            self.assertEqual(variables(WebOidcIssuer=none, WebOidcName="Home"), {})

    def test_issuer_needs_a_client_id(self):
        holds = functools.partial(templates.rule_holds, "WebOidcIssuerNeedsClientId")
        self.assertTrue(holds())
        self.assertTrue(holds(WebOidcIssuer="", WebOidcClientId="none"))
        self.assertTrue(holds(**templates.OIDC))
        for none in ("", "none"):
            # As the guide turns it off.
            self.assertTrue(holds(**templates.OIDC | {"WebOidcIssuer": none}))
            self.assertFalse(holds(**templates.OIDC | {"WebOidcClientId": none}))

    def test_issuer_is_https_and_has_no_query(self):
        pattern = templates.translated()["Parameters"]["WebOidcIssuer"]["AllowedPattern"]
        for issuer in ("https://accounts.google.com", "https://login.example.com/1/v2.0"):
            self.assertRegex(issuer, f"^(?:{pattern})$")
        for issuer in ("http://id.example.org", "https://id.example.org?a=b", "https://a@id.example.org", "id.example.org"):
            self.assertNotRegex(issuer, f"^(?:{pattern})$")

    def test_more_operators_are_passed_to_both_functions(self):
        for given, expected in [({}, None), ({"WebOperators": "ana@example.org,bo@example.org"}, "ana@example.org,bo@example.org")]:
            resources = templates.filled(**given)["Resources"]
            for name in ("WebPages", "NotifyFamily"):
                variables = resources[name]["Properties"]["Environment"]["Variables"]
                self.assertEqual(variables.get("WEB_OPERATORS"), expected, name)


if __name__ == "__main__":
    unittest.main()
