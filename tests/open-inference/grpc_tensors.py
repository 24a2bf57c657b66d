"""Stock gRPC clients of Triton against a served model repository: python grpc_tensors.py HOST:PORT INFERENCE_KEY ADMIN_KEY"""

import asyncio
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

URL, KEY, ADMIN_KEY = sys.argv[1:4]
HEADERS = {"authorization": f"Bearer {KEY}"}
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}

A = np.arange(16, dtype=np.int32).reshape(1, 16)
B = np.ones((1, 16), dtype=np.int32)

client = grpc.InferenceServerClient(URL)


def refused(call, text, status=None):
    try:
        call()
    except InferenceServerException as error:
        assert text in error.message(), error
        assert status is None or error.status() == f"StatusCode.{status}", error
    else:
        raise AssertionError(f"nothing was refused with {text!r}")


def simple_inputs(module=grpc):
    inputs = [module.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for one, values in zip(inputs, (A, B)):
        one.set_data_from_numpy(values)
    return inputs


def check(result):
    assert (result.as_numpy("OUTPUT0") == A + B).all()
    assert (result.as_numpy("OUTPUT1") == A - B).all()


def health_and_metadata():
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("simple", headers=HEADERS)
    assert client.get_server_metadata(headers=HEADERS).name == "triton"
    metadata = client.get_model_metadata("simple", headers=HEADERS)
    assert metadata.name == "simple" and list(metadata.versions) == ["1"], metadata
    assert list(metadata.inputs[0].shape) == [-1, 16] and metadata.inputs[0].datatype == "INT32", metadata
    config = client.get_model_config("simple", headers=HEADERS).config
    assert config.max_batch_size == 8 and config.input[0].data_type == 8, config
    assert client.get_model_metadata("simple", headers=HEADERS, as_json=True)["platform"] == "onnxruntime_onnx"
    refused(lambda: client.get_model_metadata("wrong_model_name", headers=HEADERS), "Request for unknown model", "NOT_FOUND")
    refused(lambda: client.get_model_metadata("simple"), "API key", "UNAUTHENTICATED")


def inference():
    check(client.infer("simple", simple_inputs(), headers=HEADERS))
    result = client.infer("simple", simple_inputs(), outputs=[grpc.InferRequestedOutput("OUTPUT1")], headers=HEADERS)
    assert result.as_numpy("OUTPUT0") is None and (result.as_numpy("OUTPUT1") == A - B).all()
    for algorithm in ("gzip", "deflate"):
        check(client.infer("simple", simple_inputs(), headers=HEADERS, compression_algorithm=algorithm))
    result = client.infer("simple", simple_inputs(), request_id="my-id", model_version="1", headers=HEADERS)
    assert result.get_response().id == "my-id"
    answers = queue.Queue()
    for _ in range(4):
        client.async_infer("simple", simple_inputs(), lambda result, error: answers.put((result, error)), headers=HEADERS)
    for _ in range(4):
        result, error = answers.get(timeout=20)
        assert error is None, error
        check(result)


def classes():
    outputs = [grpc.InferRequestedOutput("OUTPUT0", class_count=2)]
    result = client.infer("simple", simple_inputs(), outputs=outputs, headers=HEADERS)
    assert result.as_numpy("OUTPUT0").tolist() == [[b"16:15", b"15:14"]], result.as_numpy("OUTPUT0")


def typed_contents():
    request = grpc.service_pb2.ModelInferRequest(model_name="simple")
    for name, values in (("INPUT0", A), ("INPUT1", B)):
        one = request.inputs.add(name=name, datatype="INT32", shape=[1, 16])
        one.contents.int_contents[:] = values.flatten().tolist()
    stub = client._client_stub
    response = stub.ModelInfer(request, metadata=tuple(HEADERS.items()))
    assert (np.frombuffer(response.raw_output_contents[0], dtype=np.int32) == (A + B).flatten()).all()


def large_numbers():
    values = np.array([2**63 - 1, -(2**63), 2**53 + 1], dtype=np.int64)
    one = grpc.InferInput("INPUT", [3], "INT64")
    one.set_data_from_numpy(values)
    result = client.infer("identity_int64", [one], headers=HEADERS)
    assert (result.as_numpy("OUTPUT") == values).all()


def large_tensor():
    values = np.random.default_rng(7).random(4_000_000, dtype=np.float32)
    one = grpc.InferInput("INPUT", [values.size], "FP32")
    one.set_data_from_numpy(values)
    result = client.infer("identity_fp32", [one], headers=HEADERS)
    assert (result.as_numpy("OUTPUT") == values).all()


def streamed():
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)), headers=HEADERS)
    for number in range(20):
        client.async_stream_infer("simple", simple_inputs(), request_id=str(number))
    seen = set()
    for _ in range(20):
        result, error = answers.get(timeout=20)
        assert error is None, error
        check(result)
        assert result.get_response().parameters["triton_final_response"].bool_param
        seen.add(result.get_response().id)
    assert len(seen) == 20
    client.stop_stream()


def refusals():
    wrong = simple_inputs()
    refused(
        lambda: client.infer("simple", wrong[:1], headers=HEADERS),
        "expected 2 inputs but got 1 inputs for model 'simple'",
        "INVALID_ARGUMENT",
    )
    refused(
        lambda: client.infer("simple", wrong, model_version="7", headers=HEADERS),
        "Request for unknown model: 'simple' version 7 is not found",
        "NOT_FOUND",
    )
    unknown = [grpc.InferRequestedOutput("NOPE")]
    refused(lambda: client.infer("simple", wrong, outputs=unknown, headers=HEADERS), "unexpected inference output 'NOPE'")


def statistics():
    stats = client.get_inference_statistics("simple", headers=HEADERS).model_stats[0]
    assert stats.inference_count > 0 and stats.execution_count > 0, stats
    assert stats.inference_stats.success.count > 0 and stats.last_inference > 0, stats
    assert stats.batch_stats[0].batch_size >= 1, stats


def settings():
    assert list(client.get_trace_settings("simple", headers=HEADERS).settings["trace_level"].value) == ["OFF"]
    changed = client.update_trace_settings("simple", {"trace_rate": "5"}, headers=ADMIN)
    assert list(changed.settings["trace_rate"].value) == ["5"], changed
    assert client.update_log_settings({"log_verbose_level": 1}, headers=ADMIN).settings["log_verbose_level"].uint32_param == 1
    client.update_log_settings({"log_verbose_level": 0}, headers=ADMIN)
    assert client.get_log_settings(headers=HEADERS).settings["log_info"].bool_param
    refused(lambda: client.update_log_settings({"log_info": False}, headers=HEADERS), "admin key", "PERMISSION_DENIED")


def shared_memory():
    client.unregister_system_shared_memory(headers=HEADERS)
    handle_in = shm.create_shared_memory_region("in", "/plinth_grpc_in", 128)
    handle_out = shm.create_shared_memory_region("out", "/plinth_grpc_out", 128)
    try:
        shm.set_shared_memory_region(handle_in, [A, B])
        client.register_system_shared_memory("in", "/plinth_grpc_in", 128, headers=HEADERS)
        client.register_system_shared_memory("out", "/plinth_grpc_out", 128, headers=HEADERS)
        inputs = [grpc.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
        outputs = [grpc.InferRequestedOutput(name) for name in ("OUTPUT0", "OUTPUT1")]
        for index, (one, out) in enumerate(zip(inputs, outputs)):
            one.set_shared_memory("in", 64, offset=64 * index)
            out.set_shared_memory("out", 64, offset=64 * index)
        client.infer("simple", inputs, outputs=outputs, headers=HEADERS)
        assert (shm.get_contents_as_numpy(handle_out, np.int32, [1, 16]) == A + B).all()
        assert (shm.get_contents_as_numpy(handle_out, np.int32, [1, 16], offset=64) == A - B).all()
        status = client.get_system_shared_memory_status(headers=HEADERS)
        assert status.regions["in"].byte_size == 128 and len(status.regions) == 2, status
        client.unregister_system_shared_memory(headers=HEADERS)
    finally:
        shm.destroy_shared_memory_region(handle_in)
        shm.destroy_shared_memory_region(handle_out)


def repository():
    models = {entry.name: entry for entry in client.get_model_repository_index(headers=ADMIN).models}
    assert models["simple"].state == "READY", models
    refused(lambda: client.unload_model("simple", headers=HEADERS), "admin key", "PERMISSION_DENIED")
    client.unload_model("simple", headers=ADMIN)
    refused(lambda: client.infer("simple", simple_inputs(), headers=HEADERS), "simple")
    client.load_model("simple", headers=ADMIN)
    assert client.is_model_ready("simple", headers=HEADERS)
    check(client.infer("simple", simple_inputs(), headers=HEADERS))
    refused(lambda: client.load_model("nobody", headers=ADMIN), "failed to load 'nobody'")


async def asynchronous():
    async with grpc_aio.InferenceServerClient(URL) as one:
        assert await one.is_server_live()
        results = await asyncio.gather(*(one.infer("simple", simple_inputs(grpc_aio), headers=HEADERS) for _ in range(8)))
        for result in results:
            check(result)


for step in (
    health_and_metadata,
    inference,
    classes,
    typed_contents,
    large_numbers,
    large_tensor,
    streamed,
    refusals,
    statistics,
    settings,
    shared_memory,
    repository,
):
    step()
    print(step.__name__, "passed", flush=True)
asyncio.run(asynchronous())
print("asynchronous passed")
