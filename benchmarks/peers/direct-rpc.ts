import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createServer } from 'node:http';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  type ModelInferRequest,
} from '../../src/gateway/protocols/grpc/generated/index.ts';

/**
 * What no gRPC door on grpc-js can be over: the call is decoded, its tensor goes straight back, and nothing is checked, counted or sent to
 * another process. Arguments: the port for HTTP, which answers any GET, and that for gRPC.
 */
const [port = '0', grpcPort = '0'] = process.argv.slice(2);

const listener = new Server();
listener.addService(
  {
    modelInfer: {
      path: '/inference.GRPCInferenceService/ModelInfer',
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: Buffer) => message,
      requestDeserialize: (bytes: Buffer) => fromBinary(ModelInferRequestSchema, bytes),
      responseSerialize: (message: Buffer) => message,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  {
    modelInfer: ({ request }: ServerUnaryCall<ModelInferRequest, Buffer>, answer: sendUnaryData<Buffer>) => {
      const outputs = request.inputs.map(({ datatype, shape }) => ({ name: 'OUTPUT0', datatype, shape }));
      const response = create(ModelInferResponseSchema, {
        modelName: request.modelName,
        outputs,
        rawOutputContents: request.rawInputContents,
      });
      answer(null, Buffer.from(toBinary(ModelInferResponseSchema, response)));
    },
  },
);
await new Promise((resolve) => listener.bindAsync(`127.0.0.1:${grpcPort}`, ServerCredentials.createInsecure(), resolve));
createServer((_, response) => response.end('ok')).listen(Number(port), '127.0.0.1');
