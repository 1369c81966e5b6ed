"""Pages of a database carry checksums (docs/adr/0032) that only the shop writes. A test that changes a stopped service's
database by Python's SQLite takes them off afterwards, or the shop would call the change damage: rightly."""
import contextlib
import sqlite3

PAGE, SUM = 4096, 8


def take_off(path):
    """A page whose checksum is zeros has none. The log has to be in the file."""
    content = bytearray(path.read_bytes())
    for end in range(PAGE, len(content) + 1, PAGE):
        content[end - SUM:end] = bytes(SUM)
    path.write_bytes(content)


@contextlib.contextmanager
def changed(path):
    """A connection to change the stopped service's database by; committed at the end."""
    db = sqlite3.connect(path)
    try:
        yield db
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.close()
    take_off(path)
