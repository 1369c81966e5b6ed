"""The servers of a shop past one machine, for the rows that need them: started by tools/engines on free ports, in a directory of their own."""

import os
import re
import subprocess
from pathlib import Path

import shop

TOOLS = Path(__file__).resolve().parent.parent / "tools"


class Engines:
    def __init__(self, directory):
        Path(directory).chmod(0o711)  # root's servers run as nobody, who has to pass
        self.directory = Path(directory) / "engines"
        self.ports = {name: shop.free_port() for name in ("postgres", "redis", "kafka")}

    def __enter__(self):
        flags = [word for name, port in self.ports.items() for word in (f"--{name}-port", str(port))]
        ran = subprocess.run([TOOLS / "engines", "start", self.directory, *flags], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise shop.Trouble(f"the servers did not start: {ran.stderr.strip()}")
        told = dict(re.findall(r"^([a-z_.]+) = (.*)$", ran.stdout, re.MULTILINE))
        self.has_kafka = "\nKafka: " in ran.stdout
        self.settings = {name.replace(".", "__"): value for name, value in told.items() if name != "data"}
        if os.environ.get("CELLS"):
            self.settings["shop__cells"] = int(os.environ["CELLS"])
        return self

    def __exit__(self, *_):
        subprocess.run([TOOLS / "engines", "stop", self.directory], capture_output=True, check=False)

    def only(self, *beginnings):
        """The settings whose names begin so."""
        return {name: value for name, value in self.settings.items() if name.startswith(beginnings)}

    def need_kafka(self):
        if not self.has_kafka:
            raise shop.Trouble("there is no Kafka: its jars come from Maven Central")

    def kept(self):
        """Bytes that each of them occupies on the disk, and Redis in memory."""
        size = lambda name: sum(path.stat().st_size for path in (self.directory / name).rglob("*") if path.is_file() and "wal" not in path.parts[-2])
        told = subprocess.run(["redis-cli", "-p", str(self.ports["redis"]), "-a", self.password(), "INFO", "memory"], capture_output=True, text=True,
                              check=True).stdout
        return {"PostgreSQL": size("postgres"), "Kafka": size("kafka"), "Redis": int(re.search(r"used_memory:(\d+)", told)[1])}

    def password(self):
        return (self.directory / "password").read_text().strip()
