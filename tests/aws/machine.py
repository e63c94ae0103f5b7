"""Runs AWS's emulator and the demo libraries on this machine."""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("TOOLS", ROOT / ".tools"))
# The folder of the built commands and functions.
BINARIES = pathlib.Path(os.environ.get("BINARIES", ROOT / "target/debug"))
REGION = "ca-central-1"


def free_port():
    """A free port below those that Linux gives to whoever asks for any, so that no other process takes it first."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(port):
    """The environment of the emulator's clients, without the operator's own AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HIPPO_"))}
    return kept | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "emulated",
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


def wait_until(what, poll, seconds, every=0.5):
    """Calls `poll` until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = poll()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"Waited {seconds} s for {what}.")


@contextlib.contextmanager
def process(arguments, log, env=None, cwd=ROOT, mode="wb"):
    """Runs a process in its own process group, which ends with the block."""
    with open(log, mode) as out:
        running = subprocess.Popen(
            arguments, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield running
        finally:
            for end in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, end)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(10)
                    if end == signal.SIGTERM:
                        time.sleep(0.2)


@contextlib.contextmanager
def emulator(folder):
    """Runs ministack on a free port. Yields the environment of its clients."""
    port = free_port()
    env = environment(port)
    # The functions inherit the emulator's environment, so it must not contain variables that Lambda wouldn't set.
    own = {name: env[name] for name in env if name.startswith("AWS_") or name in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")}
    own |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0"}
    with process([TOOLS / "python/emulators/bin/ministack"], folder / "ministack.log", own) as running:

        def healthy():
            if running.poll() is not None:
                raise RuntimeError(f"The emulator didn't start: {(folder / 'ministack.log').read_text()[-2000:]}")
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(f"{env['AWS_ENDPOINT_URL']}/_ministack/health", timeout=2).status == 200
            return False

        wait_until("the emulator", healthy, 60)
        yield env


@contextlib.contextmanager
def demo_libraries(folder):
    """Runs the demo libraries. Yields their systems and addresses, in the order that the demo prints them."""
    log = folder / "demo-library.log"
    with process([BINARIES / "demo-library"], log):

        def addresses():
            found = re.findall(r"^demo-[0-9]+ (\w+) (http://\S+)$", log.read_text(), re.M)
            return found if len(found) == 5 else None

        yield wait_until("the demo libraries", addresses, 30)


def client(service, env):
    """Makes a client of the emulator."""
    return boto3.client(
        service, endpoint_url=env["AWS_ENDPOINT_URL"], region_name=REGION,
        aws_access_key_id="emulated", aws_secret_access_key="emulated",
    )


def run(arguments, env, **options):
    """Runs a command and returns its output. If it fails, prints the output and stops."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    allowed = options.pop("allowed", (0,))
    done = subprocess.run(
        [str(argument) for argument in arguments], env=env, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )
    if done.returncode not in allowed:
        sys.stderr.write(done.stdout[-6000:] + done.stderr[-6000:])
        raise SystemExit(f"{' '.join(map(str, arguments[:4]))} … ended with {done.returncode}.")
    return done.stdout
