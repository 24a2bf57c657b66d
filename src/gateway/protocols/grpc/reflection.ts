import { toBinary, type DescFile } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { MethodDefinition, Server, ServerDuplexStream } from '@grpc/grpc-js';

type Bytes = ServerDuplexStream<Buffer, Buffer>;

/** How a version of reflection answers a stream, messages and bytes both being its own affair. */
type Answer = (stream: Bytes) => void;

const PATHS = ['v1', 'v1alpha'].map((version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
const asItIs = (bytes: Buffer): Buffer => bytes;

/**
 * Adds reflection, `v1` and `v1alpha`, over the given files and what they import. Its code is loaded at the first call: it brings a second
 * protobuf library with it, which most never need.
 */
export function addReflection(port: Server, files: readonly DescFile[]): void {
  let answers: Promise<ReadonlyMap<string, Answer>> | undefined;
  for (const path of PATHS) {
    const codec = {
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    };
    const definition: MethodDefinition<Buffer, Buffer> = { path, requestStream: true, responseStream: true, ...codec };
    const info = (stream: Bytes): void => {
      answers ??= loadAnswers(files);
      answers.then(
        (loaded) => loaded.get(path)?.(stream),
        (error: unknown) => stream.emit('error', error),
      );
    };
    port.addService({ info: definition }, { info });
  }
}

async function loadAnswers(files: readonly DescFile[]): Promise<ReadonlyMap<string, Answer>> {
  const { ReflectionService } = await import('@grpc/reflection');
  const fileDescriptorProtos = allFiles(files).map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  // It looks at nothing but the files of what it is given, and does nothing to a port but add its methods.
  const reflection = new ReflectionService({
    all: { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos },
  });
  const answers = new Map<string, Answer>();
  const collect: Pick<Server, 'addService'> = {
    addService(definitions, methods) {
      for (const [name, definition] of Object.entries(definitions)) {
        const method = methods[name];
        if (method === undefined) continue;
        answers.set(definition.path, (stream) => Reflect.apply(method, undefined, [translate(stream, definition)]));
      }
    },
  };
  reflection.addToServer(collect as Server);
  return answers;
}

/** The stream with messages in the place of bytes. */
function translate(stream: Bytes, definition: MethodDefinition<unknown, unknown>): Bytes {
  const translated: Pick<Bytes, 'write' | 'end'> & { on(event: string, listener: (message?: unknown) => void): void } = {
    on(event, listener) {
      stream.on(event, (bytes?: Buffer) => listener(bytes === undefined ? undefined : definition.requestDeserialize(bytes)));
    },
    write: (message: unknown) => stream.write(definition.responseSerialize(message)),
    end: () => stream.end(),
  };
  return translated as Bytes;
}

function allFiles(files: readonly DescFile[]): DescFile[] {
  const found = new Set<DescFile>();
  const visit = (file: DescFile): void => {
    if (found.has(file)) return;
    for (const imported of file.dependencies) visit(imported);
    found.add(file);
  };
  for (const file of files) visit(file);
  return [...found];
}
