"""Measures the block in PyTorch: eager, compiled, or with the Triton kernels of Liger or Unsloth.

usage: torch_peer.py eager|compile|liger|unsloth ieee|tf32

It reads a PeerJob, one line of JSON, from stdin. It answers with events on stdout, one line of JSON each. peer.ts describes
both.
"""

import json
import os
import sys
import threading
import time

# Only events go to stdout. What libraries print goes to stderr.
EVENTS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

FLUSH_BYTES = 256 * 2**20  # as large as the largest last-level cache of a GPU sold so far
FEWEST_TO_COMPARE = 6  # fewer samples cannot tell two rows apart; as in statistics.ts
VERY_SLOW_NS = 60e9  # if samples take so long together, there may be fewer; as in timing.ts
WALL_SAMPLES = 2 * FEWEST_TO_COMPARE
WALL_SAMPLE_NS = 20e6
MOST_REPEATS = 32
MOST_SAMPLES = 1000
FEWEST_SLOW = 3
PATIENCE_NS = 10e9
CEILING_SIZE = 8192
CEILING_SECONDS = 0.5
WARM_SIZE = 4096
WARM_REPEATS = 24  # 65 ms at 50 TFLOP/s
MOST_PATIENCE_S = 1.0


class Unavailable(Exception):
    """The peer cannot run on this machine."""


def tell(event_type, **fields):
    EVENTS.write(json.dumps({"type": event_type, **fields}) + "\n")
    EVENTS.flush()


def job_from_parent():
    line = sys.stdin.readline()
    threading.Thread(target=end_with_parent, daemon=True).start()
    return json.loads(line)


def end_with_parent():
    """Ends this process when the parent is gone, because nobody else would."""
    sys.stdin.read()
    os._exit(1)


def reason_of(error):
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def torch_with_cuda():
    try:
        import torch
    except ImportError as error:
        raise Unavailable(f"python3 has no torch ({error})") from error
    if not torch.cuda.is_available():
        raise Unavailable(f"torch {torch.__version__} sees no CUDA device")
    return torch


# Ways of computing. Each returns the block as a function of x, gate, up and down, and a name with a version.


def eager(torch):
    def block(x, gate, up, down):
        return (torch.nn.functional.silu(x @ gate) * (x @ up)) @ down

    return block, "eager"


def compiled(torch):
    block, _ = eager(torch)
    return torch.compile(block, fullgraph=True, dynamic=False), "torch.compile"


def liger(_torch):
    try:
        from liger_kernel.ops.swiglu import LigerSiLUMulFunction
    except Exception as error:
        raise Unavailable(f"liger_kernel cannot be imported: {reason_of(error)}") from error

    def block(x, gate, up, down):
        return LigerSiLUMulFunction.apply(x @ gate, x @ up) @ down

    return block, f"Liger Kernel {version_of('liger_kernel')}"


def unsloth(torch):
    try:
        import unsloth as _  # must be imported before the modules that it patches
        from unsloth.kernels import swiglu_DWf_DW_dfg_kernel, swiglu_fg_kernel
    except Exception as error:
        raise Unavailable(f"unsloth cannot be imported: {reason_of(error)}") from error

    class Block(torch.autograd.Function):
        """Calls the kernels as Unsloth's own MLP does, but computes gradients of the weights, not of adapters."""

        @staticmethod
        def forward(context, x, gate, up, down):
            g, u = x @ gate, x @ up
            context.save_for_backward(x, gate, up, down, g, u)
            return swiglu_fg_kernel(g[None], u[None])[0] @ down

        @staticmethod
        def backward(context, dy):
            x, gate, up, down, g, u = context.saved_tensors
            # In place: h overwrites dh, du overwrites g, and dg overwrites u.
            h, du, dg = swiglu_DWf_DW_dfg_kernel(dy @ down.t(), g, u)
            dx = dg @ gate.t()
            dx.addmm_(du, up.t())
            return dx, x.t() @ dg, x.t() @ du, h.t() @ dy

    return Block.apply, f"Unsloth {version_of('unsloth')}"


WAYS = {"eager": eager, "compile": compiled, "liger": liger, "unsloth": unsloth}


def version_of(package):
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


class Inputs:
    """The inputs on the device."""

    def __init__(self, torch, job):
        problem = job["problem"]
        tokens, dim, hidden = problem["tokens"], problem["dim"], problem["hiddenDim"]
        self.dtype = getattr(torch, problem["dtype"])

        def load(name, rows, columns):
            path = os.path.join(job["folder"], f"{name}.bin")
            flat = torch.from_file(path, size=rows * columns, dtype=self.dtype)
            return flat.view(rows, columns).cuda()

        self.x = load("x", tokens, dim)
        self.weights = [load("gate", dim, hidden), load("up", dim, hidden), load("down", hidden, dim)]
        self.dy = load("dy", tokens, dim)
        self.all = [self.x, *self.weights]
        self.nbytes = sum(tensor.nbytes for tensor in [*self.all, self.dy])

    def train(self, training):
        for tensor in self.all:
            tensor.requires_grad_(training)


class Mode:
    """One mode of the block. `prepare` makes what `work` needs, and is not timed."""

    def __init__(self, torch, block, inputs, name):
        self.torch, self.block, self.inputs, self.name = torch, block, inputs, name
        inputs.train(name != "forward")

    def forward(self):
        return self.block(self.inputs.x, *self.inputs.weights)

    def gradients(self, y):
        return self.torch.autograd.grad(y, self.inputs.all, self.inputs.dy)

    def prepare(self):
        return self.forward() if self.name == "backward" else None

    def work(self, y):
        """Runs the mode once. Backward consumes what forward gives, because some kernels overwrite it."""
        if self.name == "forward":
            with self.torch.no_grad():
                return [self.forward()]
        if self.name == "backward":
            return self.gradients(y)
        y = self.forward()
        return [y.detach(), *self.gradients(y)]


def write_outputs(outputs, mode, job):
    names = ["dx", "dGate", "dUp", "dDown"]
    names = {"forward": ["y"], "backward": names, "full": ["y", *names]}[mode.name]
    for name, tensor in zip(names, outputs):
        picked = pick(tensor.detach(), name, job)
        path = os.path.join(job["folder"], f"{mode.name}-{name}.bin")
        picked.float().cpu().contiguous().numpy().tofile(path)


def pick(tensor, name, job):
    """The wanted part of an output: rows of tokens, or rows or columns of hidden units, each as a row."""
    wanted = job["rows"] if name in ("y", "dx") else job["units"]
    if wanted is None:
        return tensor
    return tensor[:, wanted].t() if name in ("dGate", "dUp") else tensor[wanted]


def memory_of(torch, mode):
    """Most bytes at once, and bytes that forward leaves for backward. What was there before does not count: the inputs, and
    what an earlier run left for all later ones, such as the workspace of cuBLAS (32 MiB on an H200)."""
    cuda = torch.cuda
    cuda.synchronize()
    before = cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    saved = 0
    if mode.name != "forward":
        y = mode.forward()
        saved = cuda.memory_allocated() - before - y.nbytes
        if mode.name == "backward":
            cuda.reset_peak_memory_stats()
        outputs = mode.gradients(y)
    else:
        outputs = mode.work(None)
    cuda.synchronize()
    del outputs
    return {"peakBytes": cuda.max_memory_allocated() - before, "savedBytes": saved}


def enough(samples, job):
    spent = sum(samples)
    if len(samples) < FEWEST_TO_COMPARE and spent < VERY_SLOW_NS:
        return False
    if len(samples) >= job["samples"] and spent >= job["timeNs"]:
        return True
    if len(samples) >= FEWEST_SLOW and spent >= max(PATIENCE_NS, 10 * job["timeNs"]):
        return True
    return len(samples) >= MOST_SAMPLES


def warm_up(torch, mode, job):
    start = time.perf_counter()
    while True:
        mode.work(mode.prepare())
        torch.cuda.synchronize()
        if 1e3 * (time.perf_counter() - start) >= job["warmUpMs"]:
            return


class WarmUp:
    """Works until the clocks are up, as bench/timing/warm_up.ts does for our own rows."""

    def __init__(self, torch):
        self.torch = torch
        self.fastest = float("inf")
        self.patience_s = MOST_PATIENCE_S

    def run(self):
        size = (WARM_SIZE, WARM_SIZE)
        a, out = (self.torch.ones(size, device="cuda") for _ in range(2))
        start = time.perf_counter()
        while True:
            begin = time.perf_counter()
            for _ in range(WARM_REPEATS):
                self.torch.mm(a, a, out=out)
            self.torch.cuda.synchronize()
            now = time.perf_counter()
            self.fastest = min(self.fastest, now - begin)
            fast = now - begin <= 1.05 * self.fastest
            if fast or now - start >= self.patience_s:
                break
        self.patience_s = min(max(2 * self.patience_s, 0.1), MOST_PATIENCE_S) if fast else self.patience_s / 2


class Pace:
    """Rests a third of the time, as bench/timing/pace.ts does for our own rows."""

    def __init__(self, warmth):
        self.warmth = warmth
        self.worked_s = 0.0
        self.start = time.perf_counter()

    def worked(self):
        now = time.perf_counter()
        self.worked_s += now - self.start
        if self.worked_s >= 0.5:
            time.sleep(min(self.worked_s / 2, 0.5))
            self.worked_s = 0.0
            self.warmth.run()
        self.start = time.perf_counter()


def gpu_samples(torch, mode, job, warmth):
    cache = torch.zeros(FLUSH_BYTES // 4, dtype=torch.int32, device="cuda") if job["flush"] else None
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    samples, pace = [], Pace(warmth)
    while not enough(samples, job):
        prepared = mode.prepare()
        if cache is not None:
            cache.max()  # reads only: writes would be written back during the next sample
        begin.record()
        mode.work(prepared)
        end.record()
        torch.cuda.synchronize()
        samples.append(begin.elapsed_time(end) * 1e6)
        pace.worked()
    return samples


def wall_samples(torch, mode, run_ns, warmth):
    """Wall times. Runs are queued, but those of backward are timed one by one, as each needs a forward of its own."""
    repeats = 1 if mode.name == "backward" else max(1, min(MOST_REPEATS, int(WALL_SAMPLE_NS / max(run_ns, 1))))
    samples, pace = [], Pace(warmth)
    for _ in range(WALL_SAMPLES):
        prepared = mode.prepare()
        torch.cuda.synchronize()
        start = time.perf_counter_ns()
        for _ in range(repeats):
            mode.work(prepared)
        torch.cuda.synchronize()
        samples.append((time.perf_counter_ns() - start) / repeats)
        pace.worked()
    return samples


def measure(torch, mode, job, warmth):
    prepared = mode.prepare()
    torch.cuda.synchronize()
    start = time.perf_counter()
    outputs = mode.work(prepared)
    torch.cuda.synchronize()
    cold_ms = 1e3 * (time.perf_counter() - start)
    write_outputs(outputs, mode, job)
    del outputs, prepared
    memory = memory_of(torch, mode)
    tell("begin", mode=mode.name, doing="samples")
    warm_up(torch, mode, job)
    warmth.run()
    gpu_ns = gpu_samples(torch, mode, job, warmth)
    wall_ns = wall_samples(torch, mode, sorted(gpu_ns)[len(gpu_ns) // 2], warmth)
    return {"gpuNs": gpu_ns, "wallNs": wall_ns, "repeats": 1, "coldMs": cold_ms, **memory}


def tensor_tflops(torch, dtype):
    """The rate of the best of many large products. No row in the same arithmetic can exceed it."""
    a, b = (torch.randn(CEILING_SIZE, CEILING_SIZE, dtype=dtype, device="cuda") for _ in range(2))
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    best, start = 0.0, time.perf_counter()
    while time.perf_counter() - start < CEILING_SECONDS:  # time for the device's clocks to rise
        begin.record()
        a @ b
        end.record()
        torch.cuda.synchronize()
        best = max(best, 2 * CEILING_SIZE**3 / (begin.elapsed_time(end) * 1e9))
    del a, b
    torch.cuda.empty_cache()
    return best


def set_arithmetic(torch, arithmetic, precision):
    torch.set_float32_matmul_precision("high" if arithmetic == "tf32" else "highest")
    if precision == "highest":
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def main(way, arithmetic):
    job = job_from_parent()
    try:
        torch = torch_with_cuda()
        set_arithmetic(torch, arithmetic, job["problem"]["precision"])
        block, name = WAYS[way](torch)
        inputs = Inputs(torch, job)
        on_tensor_cores = arithmetic == "tf32" or inputs.dtype != torch.float32
        tflops = tensor_tflops(torch, inputs.dtype) if on_tensor_cores else None
    except Exception as error:
        reason = str(error) if isinstance(error, Unavailable) else reason_of(error)
        return tell("unavailable", reason=reason)
    mathematics = "TF32" if arithmetic == "tf32" else job["problem"]["dtype"]
    device = torch.cuda.get_device_name()
    tell(
        "ready",
        implementation=f"torch {torch.__version__}, {name}, {mathematics}, {device}",
        tensorTflops=tflops,
    )
    warmth = WarmUp(torch)
    for mode in job["modes"]:
        tell("begin", mode=mode, doing="check")
        try:
            measured = measure(torch, Mode(torch, block, inputs, mode), job, warmth)
        except Exception as error:
            return tell("skipped", mode=mode, reason=reason_of(error))
        tell("measured", mode=mode, **measured)


if __name__ == "__main__":
    main(*sys.argv[1:])
