import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { greedySampling, type GenerateRequest } from '../src/core/inference/index.ts';
import type { RoutedModel, RoutingSnapshot, SnapshotSource } from '../src/core/messages/index.ts';
import { conversationOf, promptCharactersOf, type ModelTraffic, type Sticky } from '../src/core/traffic/index.ts';
import { createRouter, type RouteWish, type RoutedCall } from '../src/gateway/routing/index.ts';
import { describeMachine, formatTable, percentile, RESULTS_FOLDER, seededRandom } from './harness/index.ts';

// What choosing a version costs a request: 100 models of 5 versions each, with weights, aliases and rules. A decision is the choice that a
// protocol asks for and the look-up by which the route stage finds it again.
const MODELS = 100;
const VERSIONS = ['1', '2', '3', '4', '5'];
const CALLERS = 1000;
const PROMPT_CHARACTERS = 2048;
const TARGET_US = 50;

const { values } = parseArgs({ options: { requests: { type: 'string', default: '50000' } } });
const requests = Number(values.requests);
const random = seededRandom(5);

function modelsOf(): RoutedModel[] {
  return Array.from({ length: MODELS }, (_, index) => `model-${index}`).flatMap((name) =>
    VERSIONS.map((version) => ({
      name,
      version,
      createdAt: 1,
      replicas: [{ id: `${name}-${version}`, state: 'ready' as const, socketPath: '/nowhere', slots: 4 }],
      queueLength: 64,
      queueTimeoutMs: 1000,
    })),
  );
}

/** Rules that look at a request and do not apply. */
function rulesOf(count: number): ModelTraffic['rules'] {
  return Array.from({ length: count }, (_, index) => ({
    when: { header: { name: `X-Tier-${index}`, equals: 'beta' }, callers: [`key-${index}`], promptLongerThan: 1_000_000 },
    to: '5',
  }));
}

function trafficOf(fields: {
  readonly sticky?: Sticky;
  readonly rules?: number;
  readonly hasArms: 'yes' | 'no';
}): ModelTraffic[] {
  return Array.from({ length: MODELS }, (_, index) => ({
    model: `model-${index}`,
    aliases: { stable: '3', latest: '5' },
    arms:
      fields.hasArms === 'yes' ? VERSIONS.map((version) => ({ name: `v${version}`, version, weight: Number(version) * 10 })) : [],
    purpose: { kind: 'weights', id: `model-${index}` },
    salt: `salt-${index}`,
    sticky: fields.sticky ?? { by: 'caller' },
    rules: rulesOf(fields.rules ?? 0),
    fallback: [],
    isObserved: false,
  }));
}

function sourceOf(traffic: readonly ModelTraffic[]): SnapshotSource & { renew(): void } {
  const models = modelsOf();
  let snapshot: RoutingSnapshot = { revision: 1, isReady: true, models, traffic };
  return {
    current: () => snapshot,
    subscribe: () => () => undefined,
    renew: () => (snapshot = { ...snapshot, revision: snapshot.revision + 1 }),
  };
}

function chatRequest(name: string): GenerateRequest {
  const content = 'x'.repeat(PROMPT_CHARACTERS);
  return {
    kind: 'generate',
    id: 'r',
    model: name,
    prompts: [{ type: 'chat', messages: [{ role: 'user', content }] }],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    timeLeftMs: 1000,
  };
}

interface Scenario {
  readonly name: string;
  readonly traffic: readonly ModelTraffic[];
  /** What stands behind the model's name. */
  readonly suffix?: string;
  /** A new snapshot before every decision, as if one were published for each request. */
  readonly renews?: 'always';
}

const scenarios: readonly Scenario[] = [
  { name: 'highest version that is ready', traffic: [] },
  { name: 'name:3', traffic: trafficOf({ hasArms: 'yes' }), suffix: ':3' },
  { name: 'name@stable', traffic: trafficOf({ hasArms: 'yes' }), suffix: '@stable' },
  { name: '5 weights, sticky by caller', traffic: trafficOf({ hasArms: 'yes' }) },
  { name: '5 weights, sticky by header', traffic: trafficOf({ hasArms: 'yes', sticky: { by: 'header', header: 'x-user' } }) },
  { name: '5 weights, sticky by conversation (2 KB)', traffic: trafficOf({ hasArms: 'yes', sticky: { by: 'conversation' } }) },
  { name: '64 rules that do not apply, 5 weights', traffic: trafficOf({ hasArms: 'yes', rules: 64 }) },
  { name: 'first decision on a new snapshot', traffic: trafficOf({ hasArms: 'yes', rules: 8 }), renews: 'always' },
];

function measure({ traffic, suffix = '', renews }: Scenario, count: number): number[] {
  const source = sourceOf(traffic);
  const router = createRouter(source, random);
  const took: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const request = chatRequest(`model-${Math.floor(random() * MODELS)}${suffix}`);
    const caller = Math.floor(random() * CALLERS);
    const call: RoutedCall = {
      principal: { keyId: `key-${1000 + caller}`, role: 'inference' },
      headers: { host: 'localhost', 'content-type': 'application/json', 'x-user': `user-${caller}`, 'x-tier-7': 'alpha' },
      record: { startedMs: 0, deltas: 0 },
    };
    const wish: RouteWish = {
      name: request.model,
      kind: request.kind,
      conversation: () => conversationOf(request),
      promptCharacters: () => promptCharactersOf(request),
    };
    if (renews !== undefined) source.renew();
    const startedAt = process.hrtime.bigint();
    router.choose(wish, call);
    router.take(request, call);
    took.push(Number(process.hrtime.bigint() - startedAt) / 1000);
  }
  return took;
}

const rows = scenarios.map((scenario) => {
  const count = scenario.renews === undefined ? requests : Math.min(requests, 1000);
  measure(scenario, Math.min(count, 2000));
  const took = measure(scenario, count);
  const [p50, p99, most] = [percentile(took, 0.5), percentile(took, 0.99), Math.max(...took)];
  const isWithin = scenario.renews === undefined ? (p99 < TARGET_US ? 'yes' : 'no') : '–';
  return [scenario.name, p50.toFixed(2), p99.toFixed(2), most.toFixed(1), isWithin];
});
const title = `Routing decision, ${MODELS} models × ${VERSIONS.length} versions`;
const table = formatTable([['decision', 'p50 µs', 'p99 µs', 'most µs', `p99 < ${TARGET_US} µs`], ...rows]);
const text = `## ${title}\n\n${describeMachine()}\n\n${requests} decisions each, one after the other.\n\n${table}\n`;
mkdirSync(RESULTS_FOLDER, { recursive: true });
writeFileSync(path.join(RESULTS_FOLDER, 'routing-decision.md'), text);
console.log(text);
