"""Loads main.py once and answers calls over descriptor 3: a length of four bytes, little-endian, and JSON.

Runs isolated (python -I). Needs Python 3.8 or newer. Everything it says is checked by the supervisor.
"""
import collections
import contextvars
import importlib
import importlib.machinery
import importlib.util
import io
import json
import os
import struct
import sys
import threading
import types

APP = "/app"
DEPS = "/deps"
PACKAGE = "__script__"
LINE_MAX = 16 * 1024
FLUSH_SECONDS = 0.5

_here = os.path.abspath(__file__)
_call = contextvars.ContextVar("gatehouse_call", default=None)


class NotJson(Exception):
    """A result that JSON cannot say."""

    def __init__(self, found, path):
        super().__init__(found)
        self.found, self.path = found, path


class TooLarge(Exception):
    """A result that cannot be handed over."""

    def __init__(self, size):
        super().__init__(size)
        self.size = size


class Channel:
    """The conversation: whole frames only, one writer at a time."""

    def __init__(self):
        os.set_inheritable(3, False)
        self.reading = threading.Lock()
        self.writing = threading.Lock()

    @staticmethod
    def _exactly(size):
        first = os.read(3, size)
        if len(first) == size:
            return first
        parts, have = [first], len(first)
        while have < size:
            part = os.read(3, min(size - have, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def receive(self):
        (size,) = struct.unpack("<I", self._exactly(4))
        return json.loads(self._exactly(size))

    def send_bytes(self, body):
        frame = struct.pack("<I", len(body)) + body
        with self.writing:
            written = os.write(3, frame)
            while written < len(frame):
                written += os.write(3, memoryview(frame)[written:])

    def send(self, value):
        self.send_bytes(json.dumps(value).encode())


class Log:
    """What one call writes: the beginning at once, the end with the answer, and how much was between."""

    def __init__(self, channel, call, kept):
        self.channel, self.call, self.left, self.kept = channel, call, kept, kept
        self.tail, self.tail_size, self.dropped = collections.deque(), 0, 0
        self.begun = {}
        self.lock = threading.Lock()

    def write(self, level, text):
        with self.lock:
            text = self.begun.pop(level, "") + text
            lines = text.split("\n")
            if lines[-1]:
                if len(lines[-1]) >= LINE_MAX:
                    lines.append("")
                else:
                    self.begun[level] = lines[-1]
            for line in lines[:-1]:
                for start in range(0, len(line) or 1, LINE_MAX):
                    self._line(level, line[start:start + LINE_MAX])

    def line(self, level, text):
        with self.lock:
            for start in range(0, len(text) or 1, LINE_MAX):
                self._line(level, text[start:start + LINE_MAX])

    def _line(self, level, text):
        size = len(text) + 32
        if size <= self.left:
            self.left -= size
            self._send(level, text)
            return
        self.left = 0
        self.tail.append((level, text))
        self.tail_size += size
        while self.tail_size > self.kept:
            _, oldest = self.tail.popleft()
            self.tail_size -= len(oldest) + 32
            self.dropped += len(oldest) + 1

    def _send(self, level, text):
        entry = {"log": {"level": level, "text": text}}
        if self.call is not None:
            entry["id"] = self.call
        self.channel.send(entry)

    def flush(self):
        with self.lock:
            for level, text in self.begun.items():
                self._line(level, text)
            self.begun.clear()
            if self.dropped:
                entry = {"log": {"level": "warning", "dropped": self.dropped}}
                if self.call is not None:
                    entry["id"] = self.call
                self.channel.send(entry)
            for level, text in self.tail:
                self._send(level, text)
            self.tail.clear()
            self.tail_size, self.dropped = 0, 0

    def refill(self):
        self.flush()
        with self.lock:
            self.left = self.kept


class Bytes(io.RawIOBase):
    """The .buffer of a stream."""

    def __init__(self, stream):
        self.stream = stream

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self.stream.write(data.decode("utf-8", "replace"))
        return len(data)


class Stream(io.TextIOBase):
    """sys.stdout and sys.stderr: lines go to the log of the call that writes them."""

    encoding, errors, newlines, line_buffering = "utf-8", "replace", None, True

    def __init__(self, worker, level, number):
        self._worker, self._level, self._number = worker, level, number
        self.buffer = Bytes(self)
        self.name, self.mode = "<%s>" % level, "w"

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self._number

    def flush(self):
        pass

    def reconfigure(self, **_):
        pass

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        self._worker.log().write(self._level, text)
        return len(text)


def install_logging(worker):
    """Lines of the logging module keep their level. Loaded only when the script loads logging."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record):
            try:
                number = record.levelno
                level = ("error" if number >= logging.ERROR else "warning" if number >= logging.WARNING
                         else "info" if number >= logging.INFO else "debug")
                worker.log().line(level, self.format(record))
            except Exception:
                self.handleError(record)

    handler = Handler()
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    configure = logging.basicConfig

    def basic_config(**settings):
        """With our handler in place the usual call would do nothing, not even set the level."""
        if not settings.get("force") and logging.root.handlers == [handler]:
            if settings.get("level") is not None:
                logging.root.setLevel(settings["level"])
            if settings.get("format") is not None:
                handler.setFormatter(logging.Formatter(settings["format"], settings.get("datefmt"),
                                                       settings.get("style", "%")))
            if "filename" in settings or "handlers" in settings or "stream" in settings:
                configure(**dict(settings, force=True))
            return
        configure(**settings)

    logging.basicConfig = basic_config


class LoggingFinder:
    """Notices that logging is imported."""

    def __init__(self, worker):
        self.worker = worker

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute, worker = spec.loader.exec_module, self.worker

        def exec_module(module):
            execute(module)
            install_logging(worker)

        spec.loader.exec_module = exec_module
        return spec


class PlainFinder:
    """Makes `import helper` and `from . import helper` the same module, so that its state is there once.

    Every module of the project is loaded as part of one package; the plain name is a second name of it."""

    def __init__(self, namespaces):
        self.namespaces, self.known = namespaces, {}

    def is_ours(self, top):
        if top not in self.known:
            spec = importlib.machinery.PathFinder.find_spec(PACKAGE + "." + top, [APP])
            self.known[top] = spec is not None and (spec.loader is None) == self.namespaces
        return self.known[top]

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top == PACKAGE or not self.is_ours(top):
            return None
        return importlib.machinery.ModuleSpec(name, SameModule())


class SameModule:
    """Hands out the module that was loaded under its full name."""

    def create_module(self, spec):
        module = importlib.import_module(PACKAGE + "." + spec.name)
        self.kept = module.__spec__
        return module

    def exec_module(self, module):
        # The import system wrote the second name into it.
        module.__spec__ = self.kept


def load_main():
    """main.py as part of a package without a file, so that relative imports work in it."""
    sys.path[:0] = [APP] + ([DEPS] if os.path.isdir(DEPS) else [])
    if os.path.isdir(DEPS):
        # Packages that come with .pth files, as namespace packages do.
        import site
        site.addsitedir(DEPS)
    package = types.ModuleType(PACKAGE)
    package.__path__ = [APP]
    package.__package__ = PACKAGE
    sys.modules[PACKAGE] = package
    # Modules of the project hide others of their name; mere directories do not.
    sys.meta_path.insert(0, PlainFinder(namespaces=False))
    sys.meta_path.append(PlainFinder(namespaces=True))
    path = os.path.join(APP, "main.py")
    spec = importlib.util.spec_from_file_location(PACKAGE + ".main", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE + ".main"] = module
    sys.modules["main"] = module
    package.main = module
    spec.loader.exec_module(module)
    return module


def describe(error):
    """Type, message and traceback without our own frames; paths as the script sees them."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename in (_here, "<frozen importlib._bootstrap>",
                                                                          "<frozen importlib._bootstrap_external>"):
        frames = frames.tb_next
    import traceback
    try:
        message = str(error)
    except Exception:
        message = "<the message of the exception cannot be shown>"
    try:
        text = "".join(traceback.format_exception(type(error), error, frames, limit=50))
    except Exception:
        text = "%s: %s\n" % (type(error).__name__, message)
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in ("builtins", PACKAGE + ".main", "main") \
        else "%s.%s" % (kind.__module__, kind.__qualname__)
    text = text.replace(PACKAGE + ".main.", "").replace(PACKAGE + ".", "")
    return {"kind": name, "message": message, "traceback": text}


def is_own(error):
    """Whether an error comes from the call itself and not from inside of the function."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == _here:
        frames = frames.tb_next
    return frames is None


def find_fault(value, path, depth, most, seen):
    """The first thing in a result that JSON cannot say: (type, path)."""
    if value is None or isinstance(value, (bool, int)):
        return None
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return "text with half a character", path
        return None
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return "float %r" % value, path
        return None
    if isinstance(value, (list, tuple, dict)):
        if depth >= most:
            return "nesting of more than %d levels" % most, path
        if id(value) in seen:
            return "circular reference", path
        seen.add(id(value))
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            if isinstance(value, dict):
                if not (key is None or isinstance(key, (str, bool, int, float))):
                    return "key of type %s" % type(key).__name__, path
                step = ".%s" % key if str(key).isidentifier() else "[%s]" % json.dumps(str(key))
            else:
                step = "[%d]" % key
            fault = find_fault(item, path + step, depth + 1, most, seen)
            if fault:
                return fault
        seen.discard(id(value))
        return None
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ in ("builtins", PACKAGE + ".main") \
        else "%s.%s" % (kind.__module__, kind.__qualname__)
    return name, path


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Worker:
    def __init__(self):
        self.channel = Channel()
        start = self.channel.receive()
        self.names = list(start["functions"])
        self.concurrency = int(start["concurrency"])
        self.most_bytes, self.most_depth, self.kept = start["max"], start["depth"], start["log"]
        self.outside = Log(self.channel, None, self.kept)
        self.running = {}
        self.functions = {}
        self.loop = None
        self.loop_lock = threading.Lock()

    def log(self):
        """Of the call that this code runs for; without one, of the only call under way."""
        log = _call.get()
        if log is not None:
            return log
        running = self.running
        if len(running) == 1:
            for log in list(running.values()):
                return log
        return self.outside

    def load(self):
        sys.stdout, sys.stderr = Stream(self, "stdout", 1), Stream(self, "stderr", 2)
        sys.stdin = open(os.devnull)
        if "logging" in sys.modules:
            install_logging(self)
        else:
            sys.meta_path.insert(0, LoggingFinder(self))
        try:
            module = load_main()
            for name in self.names:
                function = module.__dict__.get(name)
                if not callable(function):
                    raise AttributeError("main.py defines no function %r" % name)
                self.functions[name] = function
        except BaseException as error:
            self.outside.flush()
            self.channel.send({"failed": describe(error)})
            raise SystemExit(1)
        self.outside.flush()
        self.channel.send({"ready": True})

    def encode(self, call, result):
        try:
            text = _encoder.encode(result)
            if text.count("[") + text.count("{") > self.most_depth:
                fault = find_fault(result, "$", 0, self.most_depth, set())
                if fault:
                    raise NotJson(*fault)
            body = text.encode("utf-8")
        except NotJson:
            raise
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            try:
                fault = find_fault(result, "$", 0, self.most_depth, set())
            except RecursionError:
                fault = ("nesting without end", "$")
            raise NotJson(*(fault or (str(error), "$"))) from None
        if len(body) > self.most_bytes:
            raise TooLarge(len(body))
        return b'{"id":"%s","ok":%s}' % (call.encode(), body)

    def answer(self, call, log, result):
        try:
            body = self.encode(call, result)
        except BaseException as error:
            return self.complain(call, log, error)
        log.flush()
        self.running.pop(call, None)
        self.channel.send_bytes(body)

    def complain(self, call, log, error, code="script"):
        if isinstance(error, NotJson):
            told = {"code": "not_json", "kind": error.found, "path": error.path}
        elif isinstance(error, TooLarge):
            told = {"code": "too_large", "bytes": error.size}
        else:
            told = dict(describe(error), code=code)
        for key in ("message", "traceback"):
            if len(told.get(key, "")) > 30000:
                told[key] = told[key][:30000]
        log.flush()
        self.running.pop(call, None)
        self.channel.send({"id": call, "err": told})

    def handle(self, frame):
        call, name, arguments = frame["id"], frame["fn"], frame["args"]
        log = Log(self.channel, call, self.kept)
        function = self.functions.get(name)
        if function is None:
            return self.channel.send({"id": call, "err": {"code": "not_found"}})
        self.running[call] = log
        token = _call.set(log)
        try:
            try:
                if isinstance(arguments, dict):
                    result = function(**arguments)
                else:
                    result = function(*arguments)
            except TypeError as error:
                return self.complain(call, log, error, "bad_arguments" if is_own(error) else "script")
            except BaseException as error:
                return self.complain(call, log, error)
            if hasattr(result, "__await__"):
                return self.later(call, log, result)
            self.answer(call, log, result)
        finally:
            _call.reset(token)

    def later(self, call, log, awaitable):
        """Asynchronous functions share one loop, and leave this thread free."""
        async def run():
            _call.set(log)
            try:
                result = await awaitable
            except BaseException as error:
                self.complain(call, log, error)
                if isinstance(error, (SystemExit, KeyboardInterrupt)):
                    return
            else:
                self.answer(call, log, result)

        import asyncio
        asyncio.run_coroutine_threadsafe(run(), self.the_loop())

    def the_loop(self):
        import asyncio
        with self.loop_lock:
            if self.loop is None:
                self.loop = asyncio.new_event_loop()
                threading.Thread(target=self.run_loop, name="asyncio", daemon=True).start()
            return self.loop

    def run_loop(self):
        import asyncio
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def serve(self):
        """Whoever holds the reading lock takes a call, hands the lock on and runs it: no hop between threads."""
        while True:
            with self.channel.reading:
                frame = self.channel.receive()
            self.handle(frame)

    def serve_to_the_end(self):
        try:
            self.serve()
        except (EOFError, OSError):
            os._exit(0)

    def refill(self):
        """What is written outside of calls gets its share again and again."""
        import time
        while True:
            time.sleep(FLUSH_SECONDS)
            try:
                self.outside.refill()
            except OSError:
                return

    def run(self):
        self.load()
        threading.Thread(target=self.refill, name="log", daemon=True).start()
        for number in range(1, self.concurrency):
            threading.Thread(target=self.serve_to_the_end, name="call-%d" % number, daemon=True).start()
        self.serve_to_the_end()


if __name__ == "__main__":
    # Nothing of ours is found by the name under which the script looks for its own.
    sys.modules.pop("__main__", None)
    sys.modules["__main__"] = types.ModuleType("__main__")
    Worker().run()
