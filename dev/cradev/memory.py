"""Watch how much memory this process holds."""

import ctypes
import gc
import os
import threading
import time


def forget():
    """Give back to the system what nothing refers to anymore."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


class Memory(threading.Thread):
    """Finds the most that is held within a ``with`` block, in MB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before = self.peak = self._now()
        self._over = threading.Event()

    @staticmethod
    def _now():
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def run(self):
        while not self._over.is_set():
            self.peak = max(self.peak, self._now())
            time.sleep(0.01)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self._over.set()
        self.join()
