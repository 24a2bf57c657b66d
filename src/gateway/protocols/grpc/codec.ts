import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** What writes a method's response by itself, faster than the general way; by the method's name in TypeScript. */
export type OwnEncoders = Readonly<Record<string, (response: never) => Buffer>>;

/**
 * Every method of a service by its name in TypeScript (`modelInfer`), as grpc-js takes it: messages are read into messages and written from
 * whatever makes one.
 */
export function wireMethods<T extends GenServiceMethods>(service: GenService<T>, own: OwnEncoders = {}): ServiceDefinition {
  const methods = service.methods.map((method) => {
    const { name, localName, methodKind, input, output } = method;
    const definition: MethodDefinition<unknown, unknown> = {
      path: `/${service.typeName}/${name}`,
      originalName: localName,
      requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
      responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
      requestSerialize: encoderOf(input),
      requestDeserialize: decoderOf(input),
      responseSerialize: (own[localName] as ((response: unknown) => Buffer) | undefined) ?? encoderOf(output),
      responseDeserialize: decoderOf(output),
    };
    return [localName, definition] as const;
  });
  return Object.fromEntries(methods);
}

/** Bytes fields are views of the message's own bytes. */
function decoderOf<T extends DescMessage>(schema: T): (bytes: Buffer) => MessageShape<T> {
  const options = { readUnknownFields: false };
  return (bytes) => fromBinary(schema, bytes, options);
}

function encoderOf<T extends DescMessage>(schema: T): (message: unknown) => Buffer {
  return (message) => {
    const { buffer, byteOffset, byteLength } = toBinary(schema, create(schema, message as MessageInitShape<T>));
    return Buffer.from(buffer, byteOffset, byteLength);
  };
}
