#!/usr/bin/env python3
"""Runs every notebook of this folder from its first to its last cell; the executed copies go into the folder that is named.

Usage: run.py FOLDER. The environment says where the server is, as the notebooks say themselves.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

here, into = Path(__file__).resolve().parent, Path(sys.argv[1])
into.mkdir(parents=True, exist_ok=True)
for path in sorted(here.glob("[0-9]*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any(cell.outputs or cell.execution_count for cell in code):
        raise SystemExit(f"{path.name}: strip the outputs before committing")
    started = time.monotonic()
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(here)}}).execute()
    nbformat.write(notebook, into / path.name)
    print(f"{path.name}: {len(code)} cells in {time.monotonic() - started:.1f} s", flush=True)
