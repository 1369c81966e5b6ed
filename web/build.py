"""Puts the shop's pages together: build.py --out FILE.c --esbuild PROGRAM --modules DIRECTORY [--directory DIR] [--depfile FILE]

Each page is one HTML document a language, with its style inside (the gateway's Content-Security-Policy names it by its hash, so the
first paint needs one answer and nothing inline is allowed but this), and one script. Scripts, icons and the manifest have their
hash in the name and may be kept for ever. Everything is gzipped here, once; FILE.c has it as constants (gateway/embedded.h).
"""

import argparse
import base64
import gzip
import hashlib
import html
import json
import re
import subprocess
from pathlib import Path

WEB = Path(__file__).resolve().parent
PAGES = {"customer": "/menu", "kitchen": None, "stock": None, "ops": None}  # and what is asked for before the script runs
LANGUAGES = ("ko", "en")
STATUS = {"outcome-unknown": "503"}  # of the errors that are not called by it
MOST_BYTES = 60 * 1024  # a page with everything, as it goes over the wire


def read(path):
    return (WEB / path).read_text(encoding="utf-8")


def texts(folder, language):
    return {**json.loads(read(f"shared/texts.{language}.json")), **json.loads(read(f"{folder}/texts.{language}.json"))}


def fill(template, values):
    return re.sub(r"{{(\w+)}}", lambda match: values[match[1]], template)


def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Builder:
    def __init__(self, esbuild, modules):
        self.esbuild, self.modules = esbuild, modules
        self.files = {}  # path below the page directory: bytes
        self.styles = set()

    def bundle(self, path):
        """The file with everything it imports, made small."""
        command = [self.esbuild, WEB / path, "--bundle", "--minify", "--charset=utf8", "--log-level=warning", "--target=es2022",
                   "--format=esm", "--jsx-factory=h", f"--alias:preact={self.modules}/preact/src/preact.js"]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, env={"NODE_PATH": str(self.modules)}).stdout

    def asset(self, name, data):
        """Kept under a name that changes with its content; gives its address."""
        stem, _, ending = name.rpartition(".")
        path = f"assets/{stem}-{hashlib.sha256(data).hexdigest()[:10]}.{ending}"
        self.files[path] = data
        return "/" + path

    def style(self, path):
        css = self.bundle(path).decode().strip()
        self.styles.add(digest(css.encode()))
        return f"<style>{css}</style>"

    def common(self):
        icon = self.asset("icon.svg", read("icons/icon.svg").encode())
        maskable = self.asset("icon-maskable.svg", read("icons/icon-maskable.svg").encode())
        manifest = json.loads(read("icons/manifest.json"))
        manifest["icons"] = [{"src": src, "sizes": "any", "type": "image/svg+xml", "purpose": purpose}
                             for src, purpose in ((icon, "any"), (maskable, "maskable"))]
        address = self.asset("manifest.webmanifest", json.dumps(manifest, ensure_ascii=False).encode())
        sign = read("icons/icon.svg").replace("<svg ", '<svg aria-hidden="true" ').strip()
        return {"icon": icon, "manifest": address, "sign": sign}

    def page(self, name, preload, common):
        script = self.asset(f"{name}.js", self.bundle(f"{name}/{name}.jsx"))
        tags = f'<script type="module" src="{script}"></script>'
        if preload:
            tags += f'\n<link rel="preload" href="{preload}" as="fetch" crossorigin="anonymous">'
        style = self.style(f"{name}/{name}.css")
        for language in LANGUAGES:
            words = {key: html.escape(text) for key, text in texts(name, language).items() if re.fullmatch(r"\w+", key)}
            shape = fill(read(f"{name}/shape.html").strip(), words)
            values = {**words, **common, "lang": language, "script": tags, "style": style, "shape": shape}
            self.files[f"pages/{name}.{language}.html"] = fill(read("shared/page.html"), values).encode()
        self.weigh(name, script)

    def weigh(self, name, script):
        wire = sum(len(gzip.compress(self.files[path], 9)) for path in (f"pages/{name}.ko.html", script[1:]))
        if wire > MOST_BYTES:
            raise SystemExit(f"the page {name} has {wire} bytes, more than {MOST_BYTES}")
        print(f"{name}: {wire} bytes over the wire")

    def errors(self, common):
        style = self.style("errors/error.css")
        for language in LANGUAGES:
            words = json.loads(read(f"errors/texts.{language}.json"))
            home = html.escape(words.pop("home"))
            for name, (title, what) in words.items():
                values = {**common, "lang": language, "style": style, "home": home, "status": STATUS.get(name, name),
                          "title": html.escape(title), "what": html.escape(what)}
                self.files[f"pages/error-{name}.{language}.html"] = fill(read("errors/page.html"), values).encode()


def as_c(files, styles):
    """The files as constants, and the hashes of their styles as a part of the Content-Security-Policy."""
    lines = ['#include "embedded.h"', ""]
    for i, data in enumerate(files.values()):
        lines.append(f"static const unsigned char file_{i}[] = {{")
        lines += ["    " + " ".join(f"{byte}," for byte in data[at:at + 32]) for at in range(0, len(data), 32)]
        lines += ["};"]
    lines += ["", "const struct embedded_page embedded_pages[] = {"]
    lines += [f'    {{"{path}", {{(const char *)file_{i}, sizeof(file_{i})}}}},' for i, path in enumerate(files)]
    hashes = " ".join(f"'sha256-{style}'" for style in styles)
    lines += ["};", f"const size_t embedded_pages_count = {len(files)};", f'const char embedded_styles[] = "{hashes}";', ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the C file")
    parser.add_argument("--directory", type=Path, help="also (or only) as files, to look at")
    parser.add_argument("--depfile", type=Path, help="what it was made of, for the build")
    parser.add_argument("--esbuild", default="esbuild")
    parser.add_argument("--modules", type=Path, default=Path("/usr/share/nodejs"))
    arguments = parser.parse_args()
    builder = Builder(arguments.esbuild, arguments.modules)
    common = builder.common()
    for name, preload in PAGES.items():
        builder.page(name, preload, common)
    builder.errors(common)
    zipped = {f"{path}.gz": gzip.compress(data, 9, mtime=0) for path, data in sorted(builder.files.items())}
    if arguments.out:
        arguments.out.write_text(as_c(zipped, sorted(builder.styles)), encoding="utf-8")
    if arguments.directory:
        for path, data in zipped.items():
            (arguments.directory / path).parent.mkdir(parents=True, exist_ok=True)
            (arguments.directory / path).write_bytes(data)
    if arguments.depfile:
        sources = " ".join(str(path) for path in sorted(WEB.rglob("*")) if path.is_file())
        arguments.depfile.write_text(f"{arguments.out}: {sources}\n")


if __name__ == "__main__":
    main()
