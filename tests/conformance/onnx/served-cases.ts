import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Tensor } from '../../../src/core/inference/index.ts';
import { ADMIN_KEY, API_KEY, serve } from '../../support/serve.ts';
import type { ConformanceCase } from './case-file.ts';
import { findDifference } from './compare-tensors.ts';
import { openGrpcDoor, openRestDoor, type InferenceDoor } from './doors.ts';

/** `equal`, or what went wrong in words. */
export interface DoorResults {
  readonly load: string;
  readonly rest: string;
  readonly grpc: string;
  readonly unload: string;
}

export interface ServedCases extends AsyncDisposable {
  /** Loads the case's model, asks it through both doors and unloads it. */
  check(one: ConformanceCase): Promise<DoorResults>;
}

const NOT_ASKED = 'not asked';
/** No model of a case takes longer to load or to run, whatever else the machine does. */
const LONGEST_CALL_MS = 60_000;

export const EQUAL = 'equal';
export const NO_ANSWER = 'no answer';
export const LOADED = 'loaded';

/** A served model repository that has a model for each case, none of them loaded. */
export async function serveCases(cases: readonly ConformanceCase[]): Promise<ServedCases> {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-onnx-cases-'));
  for (const { name, modelFile } of cases) {
    mkdirSync(join(folder, name, '1'), { recursive: true });
    cpSync(modelFile, join(folder, name, '1', 'model.onnx'));
  }
  const served = await serve({ config: { models: [folder], repository: { controlMode: 'explicit' } } });
  const rest = openRestDoor(served.url, API_KEY);
  const grpc = openGrpcDoor(served.grpcAddress ?? '', API_KEY);
  return {
    check: (one) => checkCase({ url: served.url, rest, grpc }, one),
    [Symbol.asyncDispose]: async () => {
      grpc.close();
      await served.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Doors {
  readonly url: string;
  readonly rest: InferenceDoor;
  readonly grpc: InferenceDoor;
}

async function checkCase(doors: Doors, one: ConformanceCase): Promise<DoorResults> {
  const load = await changeModel(doors.url, { name: one.name, change: 'load' });
  if (load !== LOADED) return { load, rest: NOT_ASKED, grpc: NOT_ASKED, unload: NOT_ASKED };
  const wire = asServed(one, await readPorts(doors.url, one.name));
  const [rest, grpc] = await Promise.all([ask(doors.rest, wire), ask(doors.grpc, wire)]);
  return { load, rest, grpc, unload: await changeModel(doors.url, { name: one.name, change: 'unload' }) };
}

const metadata = z.object({
  inputs: z.array(z.object({ name: z.string(), shape: z.array(z.number()) })),
  outputs: z.array(z.object({ name: z.string(), shape: z.array(z.number()) })),
});

/** Shapes of a loaded model's inputs and outputs by name, as its metadata tells callers. */
async function readPorts(url: string, name: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const response = await fetch(`${url}/v2/models/${name}`, { headers: { authorization: `Bearer ${API_KEY}` } });
  const { inputs, outputs } = metadata.parse(await response.json());
  return new Map([...inputs, ...outputs].map((port) => [port.name, port.shape]));
}

/** A scalar travels as one element of shape [1] where the metadata says so, which is how Triton has it. */
function asServed(one: ConformanceCase, ports: ReadonlyMap<string, readonly number[]>): ConformanceCase {
  const adapt = (tensor: Tensor): Tensor => {
    const isServedAsOne = tensor.shape.length === 0 && ports.get(tensor.name)?.length === 1;
    return isServedAsOne ? { ...tensor, shape: [1] } : tensor;
  };
  const data = one.data.map(({ inputs, outputs }) => ({ inputs: inputs.map(adapt), outputs: outputs.map(adapt) }));
  return { ...one, data };
}

async function ask(door: InferenceDoor, { name, data }: ConformanceCase): Promise<string> {
  for (const { inputs, outputs } of data) {
    try {
      const difference = findDifference(outputs, await door.infer(name, inputs));
      if (difference !== undefined) return difference;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return EQUAL;
}

interface Change {
  readonly name: string;
  readonly change: 'load' | 'unload';
}

async function changeModel(url: string, { name, change }: Change): Promise<string> {
  try {
    const response = await fetch(`${url}/v2/repository/models/${name}/${change}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: '{}',
      signal: AbortSignal.timeout(LONGEST_CALL_MS),
    });
    const text = await response.text();
    return response.status === 200 ? `${change}ed` : `${response.status} ${text}`;
  } catch (error) {
    return `${NO_ANSWER}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
