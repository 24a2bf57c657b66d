"""Stock HTTP client of Triton against a served model repository: python tensors.py HOST:PORT INFERENCE_KEY ADMIN_KEY"""

import asyncio
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as http_aio
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

URL, KEY, ADMIN_KEY = sys.argv[1:4]


def own():
    """Made anew for every call: the client writes its own headers into what it is given."""
    return {"Authorization": f"Bearer {KEY}"}


def admin():
    return {"Authorization": f"Bearer {ADMIN_KEY}"}


A = np.arange(16, dtype=np.int32).reshape(1, 16)
B = np.ones((1, 16), dtype=np.int32)

client = http.InferenceServerClient(URL)


def refused(call, text, status=None):
    try:
        call()
    except InferenceServerException as error:
        assert text in error.message(), error
        assert status is None or error.status() == str(status), error
    else:
        raise AssertionError(f"nothing was refused with {text!r}")


def simple_inputs(module=http, binary=(True, True)):
    inputs = [module.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for one, values, is_binary in zip(inputs, (A, B), binary):
        one.set_data_from_numpy(values, binary_data=is_binary)
    return inputs


def check(result):
    assert (result.as_numpy("OUTPUT0") == A + B).all()
    assert (result.as_numpy("OUTPUT1") == A - B).all()


def health_and_metadata():
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("simple", headers=own())
    assert not client.is_model_ready("wrong_model_name", headers=own())
    assert client.get_server_metadata(headers=own())["name"] == "triton"
    metadata = client.get_model_metadata("simple", headers=own())
    assert metadata["name"] == "simple" and metadata["versions"] == ["1"], metadata
    assert metadata["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]}, metadata
    config = client.get_model_config("simple", headers=own())
    assert config["max_batch_size"] == 8 and config["input"][0]["data_type"] == "TYPE_INT32", config
    refused(lambda: client.get_model_metadata("wrong_model_name", headers=own()), "Request for unknown model", 404)
    refused(lambda: client.get_model_metadata("simple"), "API key", 401)


def inference():
    for binary in ((True, True), (True, False), (False, False)):
        for outputs in (
            None,
            [http.InferRequestedOutput("OUTPUT0", binary_data=True), http.InferRequestedOutput("OUTPUT1", binary_data=False)],
        ):
            check(client.infer("simple", simple_inputs(binary=binary), outputs=outputs, headers=own()))
    for algorithm in ("gzip", "deflate"):
        check(
            client.infer(
                "simple",
                simple_inputs(),
                headers=own(),
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
        )
    result = client.infer("simple", simple_inputs(), request_id="my-id", model_version="1", headers=own())
    assert result.get_response()["id"] == "my-id"
    pending = [client.async_infer("simple", simple_inputs(), headers=own()) for _ in range(4)]
    for one in pending:
        check(one.get_result())


def classes():
    outputs = [http.InferRequestedOutput("OUTPUT0", class_count=2)]
    result = client.infer("simple", simple_inputs(), outputs=outputs, headers=own())
    assert result.as_numpy("OUTPUT0").tolist() == [[b"16:15", b"15:14"]], result.as_numpy("OUTPUT0")


def large_numbers():
    values = np.array([2**63 - 1, -(2**63), 2**53 + 1], dtype=np.int64)
    for binary in (True, False):
        one = http.InferInput("INPUT", [3], "INT64")
        one.set_data_from_numpy(values, binary_data=binary)
        outputs = [http.InferRequestedOutput("OUTPUT", binary_data=binary)]
        result = client.infer("identity_int64", [one], outputs=outputs, headers=own())
        assert (result.as_numpy("OUTPUT") == values).all()


def large_tensor():
    values = np.random.default_rng(7).random(4_000_000, dtype=np.float32)
    one = http.InferInput("INPUT", [values.size], "FP32")
    one.set_data_from_numpy(values)
    result = client.infer("identity_fp32", [one], headers=own())
    assert (result.as_numpy("OUTPUT") == values).all()


def refusals():
    wrong = simple_inputs()
    refused(lambda: client.infer("simple", wrong[:1], headers=own()), "expected 2 inputs but got 1 inputs for model 'simple'", 400)
    refused(lambda: client.infer("nobody", wrong, headers=own()), "Request for unknown model: 'nobody' is not found", 404)
    refused(
        lambda: client.infer("simple", wrong, model_version="7", headers=own()),
        "Request for unknown model: 'simple' version 7 is not found",
        404,
    )
    unknown = [http.InferRequestedOutput("NOPE")]
    refused(lambda: client.infer("simple", wrong, outputs=unknown, headers=own()), "unexpected inference output 'NOPE'", 400)


def statistics():
    stats = client.get_inference_statistics("simple", headers=own())["model_stats"][0]
    assert stats["inference_count"] > 0 and stats["execution_count"] > 0, stats
    assert stats["inference_stats"]["success"]["count"] > 0 and stats["last_inference"] > 0, stats
    assert stats["batch_stats"][0]["batch_size"] >= 1, stats


def repository():
    names = {entry["name"]: entry for entry in client.get_model_repository_index(headers=admin())}
    assert names["simple"]["state"] == "READY", names
    refused(lambda: client.unload_model("simple", headers=own()), "admin key", 403)
    client.unload_model("simple", headers=admin())
    assert not client.is_model_ready("simple", headers=own())
    refused(lambda: client.infer("simple", simple_inputs(), headers=own()), "simple")
    client.load_model("simple", headers=admin())
    assert client.is_model_ready("simple", headers=own())
    check(client.infer("simple", simple_inputs(), headers=own()))
    refused(lambda: client.load_model("nobody", headers=admin()), "failed to load 'nobody'")


def settings():
    assert client.get_trace_settings("simple", headers=own())["trace_level"] == ["OFF"]
    changed = client.update_trace_settings("simple", {"trace_rate": "5"}, headers=admin())
    assert changed["trace_rate"] == "5", changed
    assert client.update_log_settings({"log_verbose_level": 1}, headers=admin())["log_verbose_level"] == 1
    client.update_log_settings({"log_verbose_level": 0}, headers=admin())


def shared_memory():
    client.unregister_system_shared_memory(headers=own())
    handle_in = shm.create_shared_memory_region("in", "/plinth_test_in", 128)
    handle_out = shm.create_shared_memory_region("out", "/plinth_test_out", 128)
    try:
        shm.set_shared_memory_region(handle_in, [A, B])
        client.register_system_shared_memory("in", "/plinth_test_in", 128, headers=own())
        client.register_system_shared_memory("out", "/plinth_test_out", 128, headers=own())
        inputs = [http.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
        outputs = [http.InferRequestedOutput(name) for name in ("OUTPUT0", "OUTPUT1")]
        for index, (one, out) in enumerate(zip(inputs, outputs)):
            one.set_shared_memory("in", 64, offset=64 * index)
            out.set_shared_memory("out", 64, offset=64 * index)
        client.infer("simple", inputs, outputs=outputs, headers=own())
        assert (shm.get_contents_as_numpy(handle_out, np.int32, [1, 16]) == A + B).all()
        assert (shm.get_contents_as_numpy(handle_out, np.int32, [1, 16], offset=64) == A - B).all()
        assert len(client.get_system_shared_memory_status(headers=own())) == 2
        client.unregister_system_shared_memory(headers=own())
    finally:
        shm.destroy_shared_memory_region(handle_in)
        shm.destroy_shared_memory_region(handle_out)


async def asynchronous():
    async with http_aio.InferenceServerClient(URL) as one:
        results = await asyncio.gather(
            *(one.infer("simple", simple_inputs(http_aio), headers=own()) for _ in range(8))
        )
        for result in results:
            check(result)


for step in (
    health_and_metadata,
    inference,
    classes,
    large_numbers,
    large_tensor,
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
