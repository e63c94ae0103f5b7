"""Creates a stack on a moto server, with the outputs and the log groups that `hippo --target aws` needs.

Arguments: the server's URL, and {"outputs": {name: value}, "logs": {function: [[milliseconds, line], …]}}.
"""

import json
import sys

import boto3

url, given = sys.argv[1], json.loads(sys.argv[2])
NAME = "hippo"


def client(service):
    return boto3.client(
        service, endpoint_url=url, region_name="ca-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


template = {
    "Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "unused"}}},
    "Outputs": {name: {"Value": value} for name, value in given["outputs"].items()},
}
client("cloudformation").create_stack(StackName=NAME, TemplateBody=json.dumps(template))

logs = client("logs")
for function, lines in given["logs"].items():
    group = f"/libraryhippo/{NAME}/{function}"
    logs.create_log_group(logGroupName=group)
    # Each line in a stream of its own, as from concurrent invocations.
    for number, (at, text) in enumerate(lines):
        logs.create_log_stream(logGroupName=group, logStreamName=str(number))
        logs.put_log_events(
            logGroupName=group, logStreamName=str(number), logEvents=[{"timestamp": at, "message": text}]
        )
