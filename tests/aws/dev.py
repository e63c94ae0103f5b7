"""`make dev`: runs the functions on the emulator, with demo libraries, for `cargo lambda invoke`.

The stack `dev` has the table and the queues of template.yaml, without what needs a built function. The functions get their
variables from the template. Invoking one by hand replaces a schedule; the queues start the other functions. `cargo lambda watch`
provides only its Lambda API and builds nothing. The functions are those of target/debug, and restart when they are rebuilt.
"""

import contextlib
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
from machine import BINARIES, TOOLS, client, demo_libraries, emulator, free_port, process, wait_until

STACK = "dev"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
QUEUES = {"VisitQueueUrl": "check-card", "NoticeQueueUrl": "notify-family"}
# `hippo serve` shows the web pages, without an API.
FUNCTIONS = [name for name in templates.FUNCTIONS.values() if name != "web"]
PARAMETERS = templates.GIVEN | {"Web": "false", "AllowLoopbackLibraries": "true", "DelaySeconds": "0", "JitterSeconds": "0"}
# The names of resources in the template, and the outputs with their names here.
NAMES = {"Table": "TableName", "VisitQueue": "VisitQueueUrl", "NoticeQueue": "NoticeQueueUrl", "MailSettings": "ConfigurationSet"}


def without_functions(template):
    """The template's table, queues and mail settings. Outputs of functions become their names under `cargo lambda watch`.

    Leaves out the event rule, since the emulator publishes no mail events."""
    small = copy.deepcopy(template)
    kept = (
        "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SES::ConfigurationSet", "AWS::SES::EmailIdentity", "AWS::Scheduler::ScheduleGroup",
    )
    small["Resources"] = {name: about for name, about in template["Resources"].items() if about["Type"] in kept}
    for name, output in template["Outputs"].items():
        if name.startswith("Web"):
            del small["Outputs"][name]
            continue
        target = output["Value"].get("Ref") if isinstance(output["Value"], dict) else None
        if target in templates.FUNCTIONS:
            small["Outputs"][name] = {"Value": templates.FUNCTIONS[target]}
        elif target in template["Resources"] and target not in small["Resources"]:
            del small["Outputs"][name]
    return small


def deployed(env):
    """Creates the stack, and returns its outputs."""
    stacks = client("cloudformation", env)
    stacks.create_stack(
        StackName=STACK, TemplateBody=json.dumps(without_functions(templates.translated())),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def variables(outputs):
    """The variables of all functions together, since they share one environment."""
    together = {}
    for function in templates.of_type(templates.filled(**PARAMETERS)["Resources"], "AWS::Lambda::Function").values():
        together |= function["Environment"]["Variables"]
    named = {name: outputs[NAMES[value]] if value in NAMES else str(value) for name, value in together.items()}
    # The template's tests use the name “stack”. Here it is the name of this stack.
    return {name: value.replace("/stack", f"/{STACK}") for name, value in named.items()}


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pump(env, url, function, invoke_url):
    """Passes a queue's messages to its function one by one, like an event source mapping."""
    sqs = client("sqs", env)
    while True:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, AttributeNames=["All"]).get("Messages", []):
            record = {
                "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                "attributes": message.get("Attributes", {}), "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:{machine.REGION}:000000000000:dev", "awsRegion": machine.REGION,
            }
            problem = invoke(f"{invoke_url}/2015-03-31/functions/{function}/invocations", {"Records": [record]})
            if problem is None:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            else:
                # Retry soon, not after the half hour of production.
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=5)
                print(f"{function} failed: {problem}", flush=True)
        time.sleep(0.1)


def invoke(url, event):
    """Invokes a function. Returns why it failed, or `None`."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(event).encode()), timeout=120) as answer:
            response = json.loads(answer.read() or b"null") or {}
    except (OSError, ValueError) as error:
        return error
    return response.get("errorMessage") or response.get("batchItemFailures") or None


def stop(*_):
    """Stops everything. A second signal is ignored."""
    for end in ENDS:
        signal.signal(end, signal.SIG_IGN)
    sys.exit(0)


@contextlib.contextmanager
def functions(folder, env, port):
    """Runs the functions with a Lambda API on this port. Yields their common log file."""
    path = f"{TOOLS}/python/lambda/bin:{os.environ['PATH']}"
    watch = ["cargo", "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    log = folder / "functions.log"
    log.touch()
    with process(watch, folder / "watch.log", env | {"PATH": path}) as watching, contextlib.ExitStack() as ends:
        wait_until("the Lambda API", lambda: watching.poll() is not None or is_open(port), 60)
        if watching.poll() is not None:
            raise RuntimeError(f"cargo lambda watch ended: {(folder / 'watch.log').read_text()[-2000:]}")
        over = threading.Event()
        ends.callback(over.set)
        for name in FUNCTIONS:
            own = env | {
                "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt/{name}", "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            }
            keeper = threading.Thread(target=keep_running, args=(BINARIES / name, log, own, over))
            keeper.start()
            ends.callback(keeper.join)
            ends.callback(over.set)
        yield log


def keep_running(binary, log, env, over):
    """Runs a function until `over` is set, and restarts it when it ends or is rebuilt."""
    while not over.is_set():
        built = written_at(binary)
        # During a build, the binary is missing for a moment.
        with contextlib.suppress(OSError), process([binary], log, env, mode="ab") as running:
            while running.poll() is None and not over.is_set() and written_at(binary) in (built, None):
                over.wait(0.5)
        over.wait(0.5)


def written_at(path):
    """The time when a file was written, or `None` if it is missing."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return None


@contextlib.contextmanager
def development(folder):
    """Runs everything for `make dev`. Yields a client's environment, `hippo`'s variables, the Lambda API's port and the log."""
    with emulator(folder) as env, demo_libraries(folder) as libraries:
        outputs = deployed(env)
        port = free_port()
        Hippo(env, STACK, folder / "home").add_test_data(libraries)
        with functions(folder, env | variables(outputs), port) as log:
            for queue, function in QUEUES.items():
                arguments = (env, outputs[queue], function, f"http://127.0.0.1:{port}")
                threading.Thread(target=pump, args=arguments, daemon=True).start()
            yield env, {"HIPPO_TARGET": "aws", "HIPPO_STACK": STACK, "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{port}"}, port, log


def main():
    for end in ENDS:
        signal.signal(end, stop)
    with tempfile.TemporaryDirectory() as temporary, development(pathlib.Path(temporary)) as (env, hippo, port, log):
        ready(env, hippo, port)
        follow(log)


def ready(env, hippo, port):
    """Prints what to try."""
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    exports = " ".join(f"{name}={value}" for name, value in ({name: env[name] for name in names} | hippo).items())
    print(READY.format(
        at=f"--invoke-address 127.0.0.1 --invoke-port {port}", exports=exports, mails=f"{env['AWS_ENDPOINT_URL']}/_ministack/ses/messages"
    ), flush=True)


def follow(log):
    """Prints the functions' logs, until Ctrl-C."""
    with open(log) as lines:
        while True:
            line = lines.readline()
            if line:
                print(line, end="", flush=True)
            else:
                time.sleep(0.2)


READY = """
The functions are running. In another terminal:

  export PATH="$PWD/.tools/python/lambda/bin:$PATH"
  cargo lambda invoke {at} check-cards --data-file tests/events/check-cards.json
  cargo lambda invoke {at} notify-all --data-file tests/events/notify-all.json

See the result with the operator's command:

  export {exports}
  target/debug/hippo status

The notices that were sent: {mails}
A scheduled time runs only once. To run again, change scheduled_time in the file. After you change code, run
“make binaries”: the functions restart. Ctrl-C stops everything.
"""

if __name__ == "__main__":
    main()
