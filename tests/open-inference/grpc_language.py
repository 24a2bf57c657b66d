"""Language model through the stock gRPC clients of Triton: python grpc_language.py HOST:PORT INFERENCE_KEY MODEL"""

import asyncio
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
from tritonclient.utils import InferenceServerException

URL, KEY, MODEL = sys.argv[1:4]
HEADERS = {"authorization": f"Bearer {KEY}"}
PROMPT = "one two three"


def inputs(module, prompt=PROMPT, stream=True, max_tokens=64):
    text = module.InferInput("text_input", [1], "BYTES")
    text.set_data_from_numpy(np.array([prompt.encode()], dtype=np.object_))
    streams = module.InferInput("stream", [1], "BOOL")
    streams.set_data_from_numpy(np.array([stream]))
    tokens = module.InferInput("max_tokens", [1], "INT32")
    tokens.set_data_from_numpy(np.array([max_tokens], dtype=np.int32))
    return [text, streams, tokens]


def text_of(result):
    return result.as_numpy("text_output")[0].decode()


def is_final(result):
    return result.get_response().parameters["triton_final_response"].bool_param


client = grpc.InferenceServerClient(URL)


def metadata():
    answer = client.get_model_metadata(MODEL, headers=HEADERS)
    assert (answer.inputs[0].name, answer.inputs[0].datatype, list(answer.inputs[0].shape)) == ("text_input", "BYTES", [1])
    config = client.get_model_config(MODEL, headers=HEADERS).config
    assert config.model_transaction_policy.decoupled


def unary_is_refused():
    try:
        client.infer(MODEL, inputs(grpc), headers=HEADERS)
    except InferenceServerException as error:
        assert "doesn't support models with decoupled transaction policy" in error.message(), error
        assert error.status() == "StatusCode.UNIMPLEMENTED", error
    else:
        raise AssertionError("a decoupled model answered ModelInfer")


def streamed():
    results = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)), headers=HEADERS)
    client.async_stream_infer(MODEL, inputs(grpc), request_id="a", enable_empty_final_response=True)
    texts = []
    while True:
        result, error = results.get(timeout=20)
        assert error is None, error
        assert result.get_response().id == "a"
        if is_final(result):
            assert len(result.get_response().outputs) == 0
            break
        texts.append(text_of(result))
    assert len(texts) > 1 and "".join(texts) == PROMPT, texts

    client.async_stream_infer(MODEL, inputs(grpc, stream=False), request_id="whole")
    result, error = results.get(timeout=20)
    assert error is None and is_final(result) and PROMPT in text_of(result), (error, result)

    client.async_stream_infer("nobody", inputs(grpc), request_id="bad")
    result, error = results.get(timeout=20)
    assert "Request for unknown model: 'nobody' is not found" in error.message(), error
    client.async_stream_infer(MODEL, inputs(grpc, stream=False), request_id="after")
    assert results.get(timeout=20)[1] is None
    client.stop_stream()


def several_at_a_time():
    results = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)), headers=HEADERS)
    for number in range(8):
        client.async_stream_infer(
            MODEL, inputs(grpc, f"prompt {number} of eight"), request_id=str(number), enable_empty_final_response=True
        )
    texts, finals = {}, 0
    while finals < 8:
        result, error = results.get(timeout=20)
        assert error is None, error
        if is_final(result):
            finals += 1
        else:
            name = result.get_response().id
            texts[name] = texts.get(name, "") + text_of(result)
    assert texts == {str(number): f"prompt {number} of eight" for number in range(8)}, texts
    client.stop_stream()


def cancelled():
    results = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)), headers=HEADERS)
    client.async_stream_infer(MODEL, inputs(grpc, "word " * 2000, max_tokens=4000))
    results.get(timeout=20)
    client.stop_stream(cancel_requests=True)
    error = None
    while error is None:
        _, error = results.get(timeout=20)
    assert error.status() == "StatusCode.CANCELLED", error


def strict():
    results = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)), headers={**HEADERS, "triton_grpc_error": "true"})
    client.async_stream_infer("nobody", inputs(grpc))
    _, error = results.get(timeout=20)
    assert error.status() == "StatusCode.NOT_FOUND", error.status()
    client.stop_stream()


async def asynchronous():
    async with grpc_aio.InferenceServerClient(URL) as one:

        async def requests():
            for number in range(3):
                yield {
                    "model_name": MODEL,
                    "inputs": inputs(grpc_aio, stream=True),
                    "request_id": str(number),
                }

        texts = {}
        async for result, error in one.stream_infer(requests(), headers=HEADERS):
            assert error is None, error
            name = result.get_response().id
            texts[name] = texts.get(name, "") + text_of(result)
        assert texts == {str(number): PROMPT for number in range(3)}, texts


for step in (metadata, unary_is_refused, streamed, several_at_a_time, cancelled, strict):
    step()
    print(step.__name__, "passed", flush=True)
asyncio.run(asynchronous())
print("asynchronous passed")
