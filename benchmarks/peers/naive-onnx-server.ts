import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { InferenceSession, Tensor } from 'onnxruntime-node';

// ONNX Runtime as one would put it behind HTTP in an afternoon: the model runs in the process that listens.
// Arguments: the port, the model file, the input's last dimension. A body is the input's bytes, and so is the answer.
const [port = '0', file = '', width = '1'] = process.argv.slice(2);
const model = await InferenceSession.create(file, { intraOpNumThreads: 1 });
const [input = ''] = model.inputNames;
const [output = ''] = model.outputNames;

createServer(async (request, response) => {
  if (request.method === 'GET') return response.end('ok');
  const body = await buffer(request);
  const values = new Float32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.length));
  const results = await model.run({ [input]: new Tensor('float32', values, [values.length / Number(width), Number(width)]) });
  const data = results[output]?.data as Float32Array;
  return response.end(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}).listen(Number(port), '127.0.0.1');
