"""The fenced blocks of a document, and what becomes of each by the first word of its fence."""

import json
import re
from dataclasses import dataclass

# Run as a reader would: in one shell, in their order.
RUN = {"sh", "sql", "python", "js"}
# Read by a parser.
READ = {"json", "toml", "yaml"}
# What a reader sees or looks at: output, routes, sessions on other machines, sources.
SHOWN = {"console", "text", "rust"}
FENCE = re.compile(r"^(`{3,})(\S*)[ \t]*(.*?)[ \t]*$")
NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")
WANTED = re.compile(r"^\s*(?:#|--|//)\s*→\s*(.*)$")


@dataclass
class Block:
    language: str
    # A block of settings or of a dashboard may say which file it is.
    file: str
    text: str
    line: int
    # Why it is not run.
    reason: str


def blocks_of(text):
    """The blocks of a document; a fault ends the run, with its line."""
    blocks, before, opened = [], "", None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            reason = NOT_RUN.match(before)
            opened = (fence[1], Block(fence[2], fence[3], "", number, reason[1] if reason else ""))
        elif opened is not None and line.strip() == opened[0]:
            blocks.append(opened[1])
            opened = None
        elif opened is not None:
            opened[1].text += line + "\n"
        if line.strip():
            before = line.strip()
    if opened is not None:
        raise SystemExit(f"line {opened[1].line}: the block has no end")
    for block in blocks:
        if block.language not in RUN | READ | SHOWN:
            raise SystemExit(f"line {block.line}: a block of {block.language or 'no language'}: say what it is ({', '.join(sorted(RUN | READ | SHOWN))})")
        if block.language == "json" and "…" not in block.text:
            json.loads(block.text)
    return blocks


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def expected(texts):
    """Commands that look for texts in what the commands before have printed."""
    return [f"grep -qF -- {quoted(text)} \"$OUT\" || {{ echo {quoted(f'expected: {text}')} >&2; exit 1; }}" for text in texts]


def watched(commands, texts):
    return ["{", *commands, '} >"$OUT"', 'cat "$OUT" >&3', *expected(texts)]


def of_shell(text):
    """Lines as they stand; what a command must have printed is looked for in the output of the commands since the last such line."""
    lines, pending, texts = [], [], []
    for line in text.splitlines():
        wanted = WANTED.match(line)
        if wanted:
            texts.append(wanted[1].strip())
            continue
        if texts:
            lines += watched(pending, texts)
            pending, texts = [], []
        pending.append(line)
    return lines + (watched(pending, texts) if texts else pending)


def of_file(block, name, command):
    """A block that is a file for a program."""
    kept, texts = [], []
    for line in block.text.splitlines():
        wanted = WANTED.match(line)
        (texts if wanted else kept).append(wanted[1].strip() if wanted else line)
    content = "\n".join(kept) + "\n"
    write = [f"cat >{quoted(name)} <<'END OF THE BLOCK'", content.rstrip("\n"), "END OF THE BLOCK"]
    return [*write, *watched([command], texts)]


# Readers have their keys at hand; a program reads them from its environment.
PYTHON = "import os\nfor _name in ('WRITE', 'READ', 'CLIENT', 'SERVICE'):\n    globals()[_name] = os.environ.get(_name, '')\n"
JS = "const { WRITE, READ, CLIENT, SERVICE } = process.env;\n"


def script_of(blocks):
    """One script of bash for all blocks that are run, and of those that are files of their own or settings."""
    lines = ["set -euo pipefail", "set -o allexport", "OUT=$(mktemp)", "exec 3>&1", 'curl() { command curl --fail-with-body "$@"; }']
    for number, block in enumerate(blocks):
        if block.reason or block.language in SHOWN:
            continue
        lines.append(f"echo {quoted(f'— line {block.line}, {block.language}')}")
        name = f".block-{number}"
        if block.language == "sh":
            lines += of_shell(block.text)
        elif block.language == "sql":
            lines += of_file(block, f"{name}.sql", f'"$GUIDE_PYTHON" "$GUIDE_ASK" {name}.sql')
        elif block.language == "python":
            block.text = PYTHON + block.text
            lines += of_file(block, f"{name}.py", f'"$GUIDE_PACKAGES" {name}.py')
        elif block.language == "js":
            block.text = JS + block.text
            lines += of_file(block, f"{name}.mjs", f"node {name}.mjs")
        elif block.language == "toml":
            lines += of_file(block, f"{name}.toml", f"env -u FOOTFALL_DATA_DIR -u FOOTFALL_LISTEN footfall config --config {name}.toml >/dev/null")
        elif block.file:
            lines += [f"mkdir -p {quoted(block.file.rpartition('/')[0] or '.')}", *of_file(block, block.file, "true")]
    return "\n".join(lines) + "\n"
