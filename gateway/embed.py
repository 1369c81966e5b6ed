"""Writes files as C constants: embed.py OUT.c NAME=FILE…  Each becomes `const struct str embedded_NAME`."""

import sys
from pathlib import Path


def rows(data):
    for at in range(0, len(data), 24):
        yield "    " + " ".join(f"{byte}," for byte in data[at:at + 24])


def constant(name, data):
    return "\n".join([
        f"static const unsigned char {name}_bytes[] = {{", *rows(data), "};",
        f"const struct str embedded_{name} = {{(const char *){name}_bytes, sizeof({name}_bytes)}};", ""])


out, *files = sys.argv[1:]
parts = [constant(name, Path(path).read_bytes()) for name, _, path in (one.partition("=") for one in files)]
Path(out).write_text('#include "embedded.h"\n\n' + "\n".join(parts), encoding="utf-8")
