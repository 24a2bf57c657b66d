import { createServer, type ServerResponse } from 'node:http';

/**
 * The floor that no gateway in Node can be under: bare node:http that reads the body without parsing it and writes fixed bytes.
 * Arguments: the port; the time between two tokens of a stream, in ms; tokens of a stream. `?stream` in the address asks for one.
 */
const [port = 0, stepMs = 0, tokens = 0] = process.argv.slice(2).map(Number);
const words = Array.from({ length: 16 }, (_, index) => `word${index} `).join('');
const facts = { id: 'chatcmpl-direct', created: 0, model: 'echo' };
const answer = JSON.stringify({
  ...facts,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: words }, finish_reason: 'length' }],
  usage: { prompt_tokens: 500, completion_tokens: 16, total_tokens: 516 },
});
const chunk = `data: ${JSON.stringify({
  ...facts,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: { content: 'word10 ' }, finish_reason: null }],
})}\n\n`;

const streams = new Map<ServerResponse, number>();
if (stepMs > 0) {
  setInterval(() => {
    for (const [response, written] of streams) {
      response.write(chunk);
      if (written + 1 < tokens) streams.set(response, written + 1);
      else {
        streams.delete(response);
        response.end('data: [DONE]\n\n');
      }
    }
  }, stepMs);
}

createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    if (request.url?.includes('?stream') === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      streams.set(response, 0);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
    response.end(answer);
  });
}).listen({ port, host: '127.0.0.1', backlog: 4096 });
