"""An OpenAI-shaped stub as one would write it with FastAPI: typed body, typed answer, server-sent events.

STUB_STEP_MS is the time between two tokens of a stream (0: as fast as it goes). An answer has max_tokens tokens, 16 by default.
Run: uvicorn --app-dir benchmarks/peers fastapi_stub:app --no-access-log --log-level warning
"""

import asyncio
import json
import os
import time
import uuid
from typing import Literal

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

STEP_SECONDS = float(os.environ.get("STUB_STEP_MS", "0")) / 1000
DEFAULT_TOKENS = 16

app = FastAPI()


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str


class ChatBody(BaseModel):
    model: str
    messages: list[Message]
    max_tokens: int = DEFAULT_TOKENS
    temperature: float = 1.0
    stream: bool = False


class Choice(BaseModel):
    index: int = 0
    message: Message
    finish_reason: str = "length"


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatAnswer(BaseModel):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


@app.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "ok"}


async def stream_tokens(body: ChatBody):
    answer_id = f"chatcmpl-{uuid.uuid4().hex}"
    created = int(time.time())
    loop = asyncio.get_running_loop()
    due = loop.time()
    for index in range(body.max_tokens):
        due += STEP_SECONDS
        wait = due - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        chunk = {
            "id": answer_id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": body.model,
            "choices": [{"index": 0, "delta": {"content": f"word{index} "}, "finish_reason": None}],
        }
        yield f"data: {json.dumps(chunk)}\n\n"
    chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": "length"}]
    yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions", response_model=ChatAnswer)
async def chat(body: ChatBody) -> ChatAnswer | StreamingResponse:
    if body.stream:
        return StreamingResponse(stream_tokens(body), media_type="text/event-stream")
    prompt_tokens = sum(len(message.content) // 4 for message in body.messages)
    return ChatAnswer(
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
        model=body.model,
        choices=[Choice(message=Message(role="assistant", content="".join(f"word{i} " for i in range(body.max_tokens))))],
        usage=Usage(
            prompt_tokens=prompt_tokens, completion_tokens=body.max_tokens, total_tokens=prompt_tokens + body.max_tokens
        ),
    )
