"""`make dev`: the functions under `cargo lambda watch`, over the emulator, with demo libraries to check.

The table and the queues are the stack `dev`: template.yaml as it is, without what needs a built function. The functions get the
variables that the template gives them. An invocation by hand stands for a schedule; the queues drive the other functions.
Arguments go to `cargo lambda watch`: `--ignore-changes` lets the functions be while code is edited.
"""

import copy
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "template"))

import machine
import templates
from hippo import Hippo
from machine import TOOLS, client, demo_libraries, emulator, free_port, process, wait_until

STACK = "dev"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
QUEUES = {"VisitQueueUrl": "check-card", "NoticeQueueUrl": "notify-family"}
PARAMETERS = templates.GIVEN | {"AllowLoopbackLibraries": "true", "PauseSeconds": "0", "JitterSeconds": "0"}
# What the template calls a thing, and the output that holds its name here.
NAMES = {"Table": "TableName", "VisitQueue": "VisitQueueUrl", "NoticeQueue": "NoticeQueueUrl", "MailSettings": "ConfigurationSet"}


def without_functions(template):
    """The template's table, queues and mail; where an output names a function, the name under which it is watched.

    What lets a rule bring the mail service's events is left out: the emulator has none."""
    small = copy.deepcopy(template)
    kept = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SES::ConfigurationSet", "AWS::SES::EmailIdentity")
    small["Resources"] = {name: about for name, about in template["Resources"].items() if about["Type"] in kept}
    for name, output in template["Outputs"].items():
        target = output["Value"].get("Ref") if isinstance(output["Value"], dict) else None
        if target in templates.FUNCTIONS:
            small["Outputs"][name] = {"Value": templates.FUNCTIONS[target]}
        elif target in template["Resources"] and target not in small["Resources"]:
            del small["Outputs"][name]
    return small


def deployed(env):
    """Makes the stack, and returns its outputs."""
    stacks = client("cloudformation", env)
    stacks.create_stack(
        StackName=STACK, TemplateBody=json.dumps(without_functions(templates.translated())),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def variables(outputs):
    """The variables of all functions together: one process watches them all."""
    together = {}
    for function in templates.of_type(templates.filled(**PARAMETERS)["Resources"], "AWS::Lambda::Function").values():
        together |= function["Environment"]["Variables"]
    named = {name: outputs[NAMES[value]] if value in NAMES else str(value) for name, value in together.items()}
    # What the tests of the template call “stack” is named after this one.
    return {name: value.replace("/stack", f"/{STACK}") for name, value in named.items()}


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pump(env, url, function, invoke_url):
    """Hands the messages of a queue to its function, one at a time, as an event source mapping does."""
    sqs = client("sqs", env)
    while True:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, AttributeNames=["All"]).get("Messages", []):
            record = {
                "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                "attributes": message.get("Attributes", {}), "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:{machine.REGION}:000000000000:dev", "awsRegion": machine.REGION,
            }
            problem = invoked(f"{invoke_url}/2015-03-31/functions/{function}/invocations", {"Records": [record]})
            if problem is None:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            else:
                # Soon, and not after the half hour that production waits.
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=5)
                print(f"{function} failed: {problem}", flush=True)
        time.sleep(0.1)


def invoked(url, event):
    """Why a function did not do what the event asks; `None` if it did."""
    try:
        # The first invocation may build the function.
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(event).encode()), timeout=900) as answer:
            said = json.loads(answer.read() or b"null") or {}
    except (OSError, ValueError) as error:
        return error
    return said.get("errorMessage") or said.get("batchItemFailures") or None


def stop(*_):
    """Ends all that was started; asked twice, it goes on with that."""
    for end in ENDS:
        signal.signal(end, signal.SIG_IGN)
    sys.exit(0)


def main():
    for end in ENDS:
        signal.signal(end, stop)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        with emulator(folder) as env, demo_libraries(folder) as libraries:
            outputs = deployed(env)
            port = free_port()
            hippo = {"HIPPO_ON": "aws", "HIPPO_STACK": STACK, "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{port}"}
            Hippo(env, STACK, folder / "home").furnish(libraries)
            path = f"{TOOLS}/python/lambda/bin:{os.environ['PATH']}"
            watch = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", str(port), *sys.argv[1:]]
            with process(watch, folder / "watch.log", env | variables(outputs) | {"PATH": path}) as watching:
                wait_until("cargo lambda watch", lambda: watching.poll() is not None or is_open(port), 60)
                for queue, function in QUEUES.items():
                    arguments = (env, outputs[queue], function, f"http://127.0.0.1:{port}")
                    threading.Thread(target=pump, args=arguments, daemon=True).start()
                ready(env, hippo, port)
                follow(folder / "watch.log", watching)


def ready(env, hippo, port):
    """Says what to try."""
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    exports = " ".join(f"{name}={value}" for name, value in ({name: env[name] for name in names} | hippo).items())
    print(READY.format(
        at=f"--invoke-address 127.0.0.1 --invoke-port {port}", exports=exports, mails=f"{env['AWS_ENDPOINT_URL']}/_ministack/ses/messages"
    ), flush=True)


def follow(log, watching):
    """Prints what the functions say, until they end or Ctrl-C."""
    with open(log) as lines:
        while watching.poll() is None:
            line = lines.readline()
            if line:
                print(line, end="", flush=True)
            else:
                time.sleep(0.2)


READY = """
The functions are here; each is built when it is first called. In another terminal:

  export PATH="$PWD/.tools/python/lambda/bin:$PATH"
  cargo lambda invoke {at} check-cards --data-file tests/events/check-cards.json
  cargo lambda invoke {at} notify-all --data-file tests/events/notify-all.json

What became of it, with the command of the operator:

  export {exports}
  target/debug/hippo status

The notes that were sent: {mails}
A run is made once for its scheduled time: change scheduled_time in the file to run it again. Ctrl-C ends everything.
"""

if __name__ == "__main__":
    main()
