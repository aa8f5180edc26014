#!/usr/bin/env python3
"""The links between the documents: the files that they lead to are there, and so are the headings. Prints how many were looked at."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


def without_code(text):
    """The text without blocks and without words in backticks."""
    kept, fence = [], None
    for line in text.splitlines():
        mark = re.match(r"^\s*(`{3,}|~{3,})", line)
        if mark and fence is None:
            fence = mark[1]
        elif fence is not None and line.strip().startswith(fence):
            fence = None
        elif fence is None:
            kept.append(line)
    return "\n".join(kept)


def anchors(text):
    """As GitHub makes them of headings: small letters, no signs, dashes between words, a number where one is there already."""
    seen, found = {}, set()
    for line in without_code(text).splitlines():
        heading = HEADING.match(line)
        if not heading:
            continue
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower().replace("`", "")).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def main():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    looked_at, faults, known = 0, [], {}
    for name in listed.splitlines():
        document = ROOT / name
        text = re.sub(r"`[^`\n]*`", "", without_code(document.read_text()))
        for target in LINK.findall(text):
            if re.match(r"^[a-z][a-z0-9+.-]*:", target):
                continue
            looked_at += 1
            path, _, anchor = target.partition("#")
            file = (document.parent / unquote(path)).resolve() if path else document
            if not file.exists():
                faults.append(f"{name}: {target}: there is no such file")
            elif anchor and file.suffix == ".md":
                if file not in known:
                    known[file] = anchors(file.read_text())
                if anchor not in known[file]:
                    faults.append(f"{name}: {target}: there is no such heading; there are {', '.join(sorted(known[file]))}")
    if faults or looked_at < 80:
        raise SystemExit("\n".join(faults) or f"only {looked_at} links were found")
    print(f"{looked_at} links lead somewhere")


main()
