"""Writes llama_block.safetensors: a gated MLP as a checkpoint of PyTorch stores it, with what it computes.

    python3 tests/data/llama_block.py --out tests/data/llama_block.safetensors

Weights are bfloat16 [out, in]. "input" and "grad_output" are float32. y and all gradients are computed in float64 by
PyTorch, or by NumPy where PyTorch is missing, and stored as float32. The file's metadata says by which.
"""

import argparse
import json
import random
import struct

TOKENS, DIM, HIDDEN = 6, 16, 44
SHAPES = {
    "model.layers.0.mlp.gate_proj.weight": ("BF16", [HIDDEN, DIM]),
    "model.layers.0.mlp.up_proj.weight": ("BF16", [HIDDEN, DIM]),
    "model.layers.0.mlp.down_proj.weight": ("BF16", [DIM, HIDDEN]),
    "input": ("F32", [TOKENS, DIM]),
    "grad_output": ("F32", [TOKENS, DIM]),
}


def rounded(value, dtype):
    """The nearest number of a dtype; of bfloat16 by cutting off, as any number of that type will do."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return struct.unpack("<f", struct.pack("<I", bits & 0xFFFF0000 if dtype == "BF16" else bits))[0]


def drawn(generator, dtype, shape):
    rows, columns = shape
    return [[rounded(generator.gauss(0, 1), dtype) for _ in range(columns)] for _ in range(rows)]


def by_torch(torch, arrays):
    gate, up, down, x, dy = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    linear = torch.nn.functional.linear
    y = linear(torch.nn.functional.silu(linear(x, gate)) * linear(x, up), down)
    y.backward(dy.detach())
    return [tensor.tolist() for tensor in (y.detach(), x.grad, gate.grad, up.grad, down.grad)]


def by_numpy(numpy, arrays):
    gate, up, down, x, dy = [numpy.array(array, dtype=numpy.float64) for array in arrays]
    g, u = x @ gate.T, x @ up.T
    s = 1 / (1 + numpy.exp(-g))
    h = g * s * u
    dh = dy @ down
    dg, du = dh * u * s * (1 + g * (1 - s)), dh * g * s
    results = [h @ down.T, dg @ gate + du @ up, dg.T @ x, du.T @ x, dy.T @ h]
    return [result.tolist() for result in results]


def computed(arrays):
    try:
        import torch

        return f"torch {torch.__version__}", by_torch(torch, arrays)
    except ImportError:
        import numpy

        return f"numpy {numpy.__version__}", by_numpy(numpy, arrays)


def encoded(array, dtype):
    packed = [struct.pack("<f", value) for row in array for value in row]
    return b"".join(word[2:] if dtype == "BF16" else word for word in packed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    path = parser.parse_args().out
    generator = random.Random(19)
    arrays = [drawn(generator, *spec) for spec in SHAPES.values()]
    author, results = computed(arrays)
    names = ["output", "grad_input", "gate_proj.grad", "up_proj.grad", "down_proj.grad"]
    tensors = [(name, dtype, array) for (name, (dtype, _)), array in zip(SHAPES.items(), arrays)]
    tensors += [(name, "F32", array) for name, array in zip(names, results)]
    header, data = {"__metadata__": {"computed_by": author}}, b""
    for name, dtype, array in tensors:
        bytes_ = encoded(array, dtype)
        offsets = [len(data), len(data) + len(bytes_)]
        header[name] = {"dtype": dtype, "shape": [len(array), len(array[0])], "data_offsets": offsets}
        data += bytes_
    text = json.dumps(header).encode()
    # One space more than a multiple of 8, as a header may have any length: tensors then begin at odd offsets.
    text += b" " * (1 + -len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
