#!/usr/bin/env python3
"""Runs the commands of README.md and docs/guides as a reader would: every ```sh block (```console blocks are only shown).

The blocks of one document share one shell, a fresh data folder and a running server, in which `footfall` is the built
program. A block fails when a command in it fails; a line `# → text` under a command demands that its output has the text.
Usage: snippets.py PATH-OF-FOOTFALL
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.S | re.M)


def documents():
    return [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]


def shell_of(blocks):
    """One script; what a command must have printed is looked for in the output of the commands since the last such line."""
    lines = ["set -euo pipefail", "OUT=$(mktemp)", "exec 3>&1", 'curl() { command curl --fail-with-body "$@"; }']
    for block in blocks:
        pending = []
        for line in block.splitlines():
            wanted = re.match(r"#\s*→\s*(.*)", line)
            if wanted:
                text = wanted.group(1).strip().replace("'", "'\\''")
                lines += ["{", *pending, '} >"$OUT"', 'cat "$OUT" >&3']
                lines.append(f"grep -qF -- '{text}' \"$OUT\" || {{ echo \"expected: {text}\" >&2; exit 1; }}")
                pending = []
            else:
                pending.append(line)
        lines += pending
    return "\n".join(lines) + "\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_ready(address, server, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"http://{address}/readyz", timeout=2).read()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"footfall did not become ready at {address}")
            time.sleep(0.02)


def run(document, program):
    blocks = BLOCK.findall(document.read_text())
    if not blocks:
        return 0
    with tempfile.TemporaryDirectory(prefix="footfall-snippets-") as folder:
        address = f"127.0.0.1:{free_port()}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        environment |= {
            "FOOTFALL_DATA_DIR": f"{folder}/data",
            "FOOTFALL_LISTEN": address,
            "PATH": f"{program.parent}:{environment['PATH']}",
        }
        # The documents name the default address.
        script = shell_of(blocks).replace("127.0.0.1:8080", address).replace("localhost:8080", address)
        with open(f"{folder}/tracing", "w") as tracing:
            server = subprocess.Popen([program], env=environment, stdout=tracing, stderr=tracing, cwd=ROOT)
            try:
                wait_ready(address, server)
                done = subprocess.run(
                    ["bash", "-c", script], env=environment, cwd=ROOT, timeout=300, text=True, stdout=subprocess.PIPE
                )
                print(done.stdout)
                if done.returncode or '"rows":[]' in done.stdout:
                    raise SystemExit(f"{document.name}: exit {done.returncode}, or a question without an answer")
            finally:
                server.terminate()
                server.wait(60)
    return len(blocks)


def main():
    program = Path(sys.argv[1]).resolve()
    counts = {document: run(document, program) for document in documents() if document.exists()}
    for document, count in counts.items():
        print(f"{document.relative_to(ROOT)}: {count} blocks ran")
    if not counts.get(ROOT / "README.md"):
        raise SystemExit("README.md has no ```sh block")


main()
