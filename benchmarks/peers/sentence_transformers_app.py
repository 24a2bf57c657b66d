"""Embeddings as one would serve them with FastAPI and sentence-transformers: one text in, one vector out, PyTorch on the CPU.

MODEL_FOLDER names the model. Run: uvicorn --app-dir benchmarks/peers sentence_transformers_app:app
"""

import os

from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(os.environ["MODEL_FOLDER"], device="cpu")
app = FastAPI()


class Body(BaseModel):
    model: str
    input: str | list[str]


@app.get("/livez")
def live() -> str:
    return "ok"


@app.post("/v1/embeddings")
def embed(body: Body) -> dict:
    texts = [body.input] if isinstance(body.input, str) else body.input
    vectors = model.encode(texts, normalize_embeddings=True)
    data = [{"object": "embedding", "index": index, "embedding": vector.tolist()} for index, vector in enumerate(vectors)]
    return {"object": "list", "model": body.model, "data": data, "usage": {"prompt_tokens": 0, "total_tokens": 0}}
