"""Runs conformance cases in ONNX Runtime itself, without a server between: what it cannot do, no server on top of it can.

Reads folders of cases from standard input, one a line, and prints one JSON line for each: {"name", "outcome", "reason"}. The outcome is
`equal`, `different`, `not-run` (it does not take the inputs or fails at them) or `not-loaded`. Values are compared as the runner of the
package onnx does. A line {"begin"} comes before each, so that a crash has a name.

bfloat16 results cannot be read from Python: such cases are `not-run` here.
"""

import glob
import json
import os
import sys

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime

RTOL, ATOL = 1e-3, 1e-7


def read_value(path, value_type):
    with open(path, "rb") as file:
        data = file.read()
    kind = value_type.WhichOneof("value")
    if kind == "sequence_type":
        return onnx.numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind == "optional_type":
        return onnx.numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    if kind == "tensor_type":
        return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(data))
    raise TypeError(f"a value of {kind}")


def paths(folder, name):
    return [os.path.join(folder, f"{name}_{index}.pb") for index in range(len(glob.glob(os.path.join(folder, f"{name}_*.pb"))))]


def to_native(array, value_type):
    """numpy has no type for some elements; ONNX Runtime then wants the bits and the type's number."""
    if isinstance(array, np.ndarray) and array.dtype.name in ("bfloat16", *FLOAT8):
        width = np.uint16 if array.dtype.name == "bfloat16" else np.uint8
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(width), value_type.tensor_type.elem_type)
    return array


FLOAT8 = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu")


def compare(expected, got):
    if isinstance(expected, list):
        assert isinstance(got, list) and len(got) == len(expected), f"{len(expected)} values expected"
        for one, other in zip(expected, got):
            compare(one, other)
        return
    if expected is None:
        assert got is None, "nothing expected"
        return
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    if expected.dtype == object or expected.dtype.kind in "US":
        np.testing.assert_array_equal(got.astype(object), expected.astype(object))
    else:
        assert got.dtype == expected.dtype, f"type {got.dtype}, expected {expected.dtype}"
        np.testing.assert_allclose(got.astype(wide(got)), expected.astype(wide(expected)), rtol=RTOL, atol=ATOL)


def wide(array):
    return np.float64 if array.dtype.name in ("bfloat16", "float16", *FLOAT8) else array.dtype


def from_native(value):
    if not isinstance(value, onnxruntime.OrtValue):
        return value
    if not value.is_tensor():
        return [one for one in value.numpy()] if value.has_value() else None
    return value.numpy()


def run_case(folder):
    model_file = os.path.join(folder, "model.onnx")
    model = onnx.load(model_file)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model_file, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return "not-loaded", error
    for data in sorted(glob.glob(os.path.join(folder, "test_data_set_*"))):
        inputs = [read_value(path, port.type) for path, port in zip(paths(data, "input"), model.graph.input)]
        expected = [read_value(path, port.type) for path, port in zip(paths(data, "output"), model.graph.output)]
        try:
            feeds = {port.name: to_native(value, port.type) for port, value in zip(model.graph.input, inputs)}
            has_bits = any(isinstance(value, onnxruntime.OrtValue) for value in feeds.values())
            if has_bits:
                feeds = {
                    name: value if isinstance(value, onnxruntime.OrtValue) else onnxruntime.OrtValue.ortvalue_from_numpy(value)
                    for name, value in feeds.items()
                }
                got = [from_native(value) for value in session.run_with_ort_values(None, feeds)]
            else:
                got = session.run(None, feeds)
        except Exception as error:
            return "not-run", error
        try:
            for one, other in zip(expected, got):
                compare(one, other)
        except Exception as error:
            return "different", error
    return "equal", ""


for line in sys.stdin:
    folder = line.strip()
    print(json.dumps({"begin": os.path.basename(folder)}), flush=True)
    try:
        outcome, reason = run_case(folder)
    except Exception as error:
        outcome, reason = "not-run", error
    text = " ".join(str(reason).split())[:300]
    print(json.dumps({"name": os.path.basename(folder), "outcome": outcome, "reason": text}), flush=True)
