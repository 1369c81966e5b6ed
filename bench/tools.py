"""The programs that the rows measure with: wrk, nginx as the reference, our own load generator, the disk's speed."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import shop

HERE = Path(__file__).resolve().parent

NGINX = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{ listen {address} backlog=4096; location / {{ return 201; }} }}
}}
"""


class Reference:
    """nginx that answers 201 to everything, with one worker: as little as an HTTP server can do for a request."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "nginx")
        self.address = f"127.0.0.1:{shop.free_port()}"
        os.makedirs(self.directory)
        configuration = os.path.join(self.directory, "nginx.conf")
        Path(configuration).write_text(NGINX.format(directory=self.directory, address=self.address))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([program, "-p", self.directory, "-c", configuration], stderr=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + shop.START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                shop.get(self.address, "/")
                return self
            except OSError:
                time.sleep(0.01)
        self.__exit__()
        raise shop.Trouble(f"nginx did not start; see {self.directory}/error.log")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def wrk(address, connections, seconds, *what):
    """{'rate': requests a second, 'p50', 'p99': microseconds} of one wrk thread; `what` is wrk.lua's."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "wrk.lua"), f"http://{address}/",
               "--", *(str(word) for word in what)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    if ran.returncode or not lines:
        raise shop.Trouble(f"wrk against {address} failed: {ran.stderr.strip() or ran.stdout.strip()}")
    result = json.loads(lines[0].removeprefix("RESULT "))
    if result["failed"]:
        raise shop.Trouble(f"{result['failed']} of {result['requests']} requests to {address} failed")
    return {"rate": result["requests"] / (result["us"] / 1e6), **result}


def load_command(build, address, watch=None, **options):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    if watch:
        flags.append(f"--watch-address={watch}")
    return [f"{build}/bench/load", f"--address={address}", *flags]


def load_result(command, status, out, err):
    if status:
        raise shop.Trouble(f"{' '.join(command)}: {err.strip()} {out.strip()}")
    result = json.loads(out)
    if result["refused"]:
        raise shop.Trouble(f"{result['refused']} orders were refused ({' '.join(command)})")
    result["answer_rate"] = result["orders"] / (result["answered_us"] / 1e6)
    result["rate"] = result["orders"] / (result["completed_us"] / 1e6)
    return result


def load(build, address, watch=None, **options):
    """Runs bench/load to its end; what it printed, with rates: `answer_rate` of 201s, `rate` of completed orders."""
    command = load_command(build, address, watch, **options)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return load_result(command, ran.returncode, ran.stdout, ran.stderr)


def disk(build, directory, seconds):
    """{'n', 'p50', 'p99'}: microseconds to make 4 KiB durable."""
    path = os.path.join(directory, "disk.probe")
    ran = subprocess.run([f"{build}/bench/disk", path, str(seconds)], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)
