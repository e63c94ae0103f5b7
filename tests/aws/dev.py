"""`make dev`: the functions under `cargo lambda watch`, over the emulator, with a demo library to check.

The table and the queues are made from template.yaml as it is; the functions get the variables that it gives them. Nothing but a
schedule is missing: an invocation by hand stands for it, and the queues drive the other functions.
"""

import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "template"))

import machine
import templates
from machine import TOOLS, client, demo_libraries, emulator, free_port, process
from seed import sow

QUEUES = {"VisitQueue": "check-card", "NoticeQueue": "notify-family"}


def made(resources, env):
    """Makes the table and the queues, and returns what each is called here."""
    names = {}
    sqs = client("sqs", env)
    for name, queue in templates.of_type(resources, "AWS::SQS::Queue").items():
        fifo = queue.get("FifoQueue", False)
        attributes = {"VisibilityTimeout": str(queue.get("VisibilityTimeout", 30))} | ({"FifoQueue": "true"} if fifo else {})
        names[name] = sqs.create_queue(QueueName=f"dev-{name}{'.fifo' if fifo else ''}", Attributes=attributes)["QueueUrl"]
    table = resources["Table"]["Properties"]
    wanted = {name: table[name] for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")}
    client("dynamodb", env).create_table(TableName="dev", **wanted)
    client("sesv2", env).create_email_identity(EmailIdentity="hippo@example.org")
    return names | {"Table": "dev", "MailSettings": "dev"}


def variables(resources, names):
    """The variables of all functions together: one process watches them all."""
    together = {}
    for function in templates.of_type(resources, "AWS::Lambda::Function").values():
        together |= function["Environment"]["Variables"]
    return {name: names.get(value, str(value)) for name, value in together.items()}


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
            body = json.dumps({"Records": [record]}).encode()
            request = urllib.request.Request(f"{invoke_url}/2015-03-31/functions/{function}/invocations", body)
            try:
                # The first invocation builds the function.
                with urllib.request.urlopen(request, timeout=900) as answer:
                    failed = json.loads(answer.read() or b"null")
                if not (failed or {}).get("batchItemFailures"):
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            except (OSError, ValueError) as error:
                print(f"{function} failed: {error}", flush=True)
        time.sleep(0.1)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        with emulator(folder) as env, demo_libraries(folder) as libraries:
            resources = templates.filled(AllowLoopbackLibraries="true", PauseSeconds=0, JitterSeconds=0)["Resources"]
            names = made(resources, env)
            given = variables(resources, names)
            sow(folder, libraries, env, given["TABLE_NAME"], given["KEY_PARAMETER"])
            port = free_port()
            path = f"{TOOLS}/python/lambda/bin:{os.environ['PATH']}"
            watch = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
            with process(watch, folder / "watch.log", env | given | {"PATH": path}) as watching:
                for queue, function in QUEUES.items():
                    arguments = (env, names[queue], function, f"http://127.0.0.1:{port}")
                    threading.Thread(target=pump, args=arguments, daemon=True).start()
                print(READY.format(port=port, mails=f"{env['AWS_ENDPOINT_URL']}/_ministack/ses/messages"), flush=True)
                follow(folder / "watch.log", watching)


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

  PATH=.tools/python/lambda/bin:$PATH
  cargo lambda invoke --invoke-port {port} check-cards --data-file tests/events/check-cards.json
  cargo lambda invoke --invoke-port {port} notify-all --data-file tests/events/notify-all.json

The notes that were sent: {mails}
A run is made once for its scheduled time: change scheduled_time in the file to run it again. Ctrl-C ends everything.
"""

if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
