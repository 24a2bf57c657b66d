import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launch } from '../harness/index.ts';
import { findProgram, PEERS_SOURCE_FOLDER } from './python.ts';
import { findFreePort, LOOPBACK, type Served } from './served.ts';

const READY_PATH = '/v2/health/ready';

/** Servers with a model `identity` that gives back INPUT0 as OUTPUT0. */
export interface TensorServerOptions {
  readonly cpus?: string;
}

export interface MlserverOptions extends TensorServerOptions {
  /** `best`: the model in the server's own process, no metrics, no log. `default`: as it starts when told nothing but its ports. */
  readonly flags: 'best' | 'default';
}

interface Ports {
  readonly port: number;
  readonly grpcPort: number;
}

async function findPorts(): Promise<Ports> {
  return { port: await findFreePort(), grpcPort: await findFreePort() };
}

const BEST_SETTINGS = { debug: false, metrics_endpoint: null, parallel_workers: 0 };
/** MLServer's log names every call. */
const QUIET = { version: 1, disable_existing_loggers: true, root: { level: 'ERROR' } };

/** MLServer. A model that computes nothing is quicker in the server's own process. */
export async function startMlserver({ cpus, flags }: MlserverOptions): Promise<Served> {
  const ports = await findPorts();
  const folder = mkdtempSync(path.join(tmpdir(), 'mlserver-bench-'));
  const write = (name: string, content: unknown): void => writeFileSync(path.join(folder, name), JSON.stringify(content));
  mkdirSync(path.join(folder, 'identity'));
  const settings = { host: LOOPBACK, http_port: ports.port, grpc_port: ports.grpcPort, metrics_port: await findFreePort() };
  const quiet = { ...BEST_SETTINGS, logging_settings: path.join(folder, 'logging.json') };
  write('logging.json', QUIET);
  write('settings.json', { ...settings, ...(flags === 'best' ? quiet : {}) });
  write('identity/model-settings.json', { name: 'identity', implementation: 'identity_runtime.Identity' });
  const started = await launch({
    name: `mlserver-${flags}`,
    command: [findProgram('mlserver', 'mlserver'), 'start', folder],
    env: { PYTHONPATH: path.join(PEERS_SOURCE_FOLDER, 'mlserver'), PYTHONDONTWRITEBYTECODE: '1' },
    readyUrl: `http://${LOOPBACK}:${ports.port}/v2/models/identity/ready`,
    ...(cpus === undefined ? {} : { cpus }),
  });
  return { ...ports, ...served(started, [folder]), host: LOOPBACK };
}

/** How the model of Triton and of Plinth is configured, but for where it runs. `batched` merges requests, `plain` takes them one by one. */
export type IdentityFlags = 'batched' | 'plain';

/** Its config.pbtxt. */
export function formatIdentityConfig(flags: IdentityFlags): string {
  const [batch, dims] =
    flags === 'batched' ? ['max_batch_size: 64\ndynamic_batching { }', '-1'] : ['max_batch_size: 0', '-1, -1'];
  return `name: "identity"
${batch}
input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ ${dims} ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ ${dims} ] } ]
`;
}

export interface TritonOptions extends TensorServerOptions {
  readonly flags: IdentityFlags;
}

/** The tritonserver that the package nvidia-pytriton carries, with its Python backend; it has no other. */
export async function startTriton({ cpus, flags }: TritonOptions): Promise<Served> {
  const ports = await findPorts();
  const python = findProgram('triton', 'python');
  const script =
    "import sysconfig; print(sysconfig.get_config_var('LIBDIR'), sysconfig.get_path('purelib'), sysconfig.get_python_version())";
  const [libraries = '', packages = '', version = ''] = execFileSync(python, ['-c', script], { encoding: 'utf8' })
    .trim()
    .split(' ');
  const triton = path.join(packages, 'pytriton/tritonserver');
  const folder = mkdtempSync(path.join(tmpdir(), 'triton-bench-'));
  const backends = path.join(folder, 'backends');
  cpSync(path.join(triton, 'backends'), backends, { recursive: true });
  const stub = 'triton_python_backend_stub';
  cpSync(path.join(triton, 'python_backend_stubs', version, stub), path.join(backends, 'python', stub));
  const models = path.join(folder, 'models');
  cpSync(path.join(PEERS_SOURCE_FOLDER, 'triton'), models, { recursive: true });
  writeFileSync(path.join(models, 'identity', 'config.pbtxt'), `${formatIdentityConfig(flags)}backend: "python"\n`);
  const started = await launch({
    name: `triton-${flags}`,
    command: [
      path.join(triton, 'bin/tritonserver'),
      ...['--model-repository', models, '--backend-directory', backends, '--allow-metrics=false', '--log-info=false'],
      ...['--http-address', LOOPBACK, '--http-port', String(ports.port)],
      ...['--grpc-address', LOOPBACK, '--grpc-port', String(ports.grpcPort)],
    ],
    // The backend finds its Python as a shell would, and through it the packages.
    env: {
      LD_LIBRARY_PATH: `${libraries}:${path.join(packages, 'nvidia_pytriton.libs')}`,
      PATH: `${path.dirname(python)}:${process.env['PATH'] ?? ''}`,
    },
    readyUrl: `http://${LOOPBACK}:${ports.port}${READY_PATH}`,
    ...(cpus === undefined ? {} : { cpus }),
  });
  return { ...ports, ...served(started, [folder]), host: LOOPBACK };
}

/** The floor for gRPC in Node: direct-rpc.ts. */
export async function startDirectRpc({ cpus }: TensorServerOptions): Promise<Served> {
  const ports = await findPorts();
  const started = await launch({
    name: 'direct-rpc',
    command: [process.execPath, path.join(PEERS_SOURCE_FOLDER, 'direct-rpc.ts'), String(ports.port), String(ports.grpcPort)],
    readyUrl: `http://${LOOPBACK}:${ports.port}/`,
    ...(cpus === undefined ? {} : { cpus }),
  });
  return { ...ports, ...served(started, []), host: LOOPBACK };
}

export interface NaiveOnnxOptions {
  readonly file: string;
  /** The last dimension of the model's only input. */
  readonly width: number;
}

/** Twenty lines of node:http with onnxruntime-node in the same process. */
export async function startNaiveOnnx({ file, width }: NaiveOnnxOptions): Promise<Served> {
  const port = await findFreePort();
  const script = path.join(PEERS_SOURCE_FOLDER, 'naive-onnx-server.ts');
  const started = await launch({
    name: 'naive-onnx',
    command: [process.execPath, script, String(port), file, String(width)],
    readyUrl: `http://${LOOPBACK}:${port}/`,
  });
  return { ...served(started, []), port, host: LOOPBACK };
}

function served(started: Served['process'], folders: readonly string[]): Pick<Served, 'process' | 'headers' | 'model' | 'stop'> {
  return {
    process: started,
    headers: {},
    model: 'identity',
    stop: async () => {
      await started.stop();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}
