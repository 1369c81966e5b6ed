"""Certificates of the tests' own."""
import subprocess


def make_certificate(directory, name, host, days=2):
    """A certificate that signs itself, and its key. With days=-1 it was good until yesterday."""
    certificate, key, request = directory / f"{name}.pem", directory / f"{name}.key", directory / f"{name}.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName={host}", "-keyout", key, "-out", request], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", str(days), "-copy_extensions", "copy",
                    "-out", certificate], check=True, capture_output=True)
    return certificate, key
