"""Language model through Open Inference over HTTP: python language.py HOST:PORT INFERENCE_KEY MODEL"""

import json
import sys
import urllib.error
import urllib.request

import tritonclient.http as http

URL, KEY, MODEL = sys.argv[1:4]
HEADERS = {"Authorization": f"Bearer {KEY}"}


def post(path, fields):
    request = urllib.request.Request(f"http://{URL}{path}", json.dumps(fields).encode(), HEADERS)
    return urllib.request.urlopen(request)


client = http.InferenceServerClient(URL)
metadata = client.get_model_metadata(MODEL, headers=HEADERS)
assert metadata["inputs"][0] == {"name": "text_input", "datatype": "BYTES", "shape": [1]}, metadata
assert metadata["outputs"] == [{"name": "text_output", "datatype": "BYTES", "shape": [1]}], metadata
assert client.get_model_config(MODEL, headers=HEADERS)["model_transaction_policy"] == {"decoupled": True}

fields = {"text_input": "one two three", "parameters": {"max_tokens": 8, "temperature": 0, "exclude_input_in_output": True}}
answer = json.load(post(f"/v2/models/{MODEL}/generate", fields))
assert answer["model_name"] == MODEL and answer["text_output"] != "", answer

response = post(f"/v2/models/{MODEL}/generate_stream", fields)
assert response.headers["content-type"].startswith("text/event-stream")
events = [json.loads(line[6:]) for line in response.read().decode().splitlines() if line.startswith("data: ")]
assert len(events) > 1, events
assert "".join(event["text_output"] for event in events) == answer["text_output"], (events, answer)

try:
    post(f"/v2/models/{MODEL}/generate", {"text_input": 5})
except urllib.error.HTTPError as error:
    assert error.code == 400 and "non-string as string" in json.load(error)["error"]
else:
    raise AssertionError("a number was taken for a text")

stats = client.get_inference_statistics(MODEL, headers=HEADERS)["model_stats"][0]
assert stats["inference_stats"]["success"]["count"] >= 2, stats
print("passed")
