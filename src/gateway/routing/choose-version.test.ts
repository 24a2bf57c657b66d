import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError, type ErrorCode } from '../../core/errors/index.ts';
import type { RoutedModel } from '../../core/messages/index.ts';
import type { ModelTraffic, TrafficArm } from '../../core/traffic/index.ts';
import { modelTraffic, routedModel, routedReplica } from '../fake-snapshots.ts';
import { chooseFallback, chooseSteadyVersion, chooseVersion, type RouteFacts, type RouteWish } from './choose-version.ts';
import { tableOf } from './routing-table.ts';

const LOADING = { replicas: [routedReplica({ state: 'loading' as const })] };

function tableFor(models: readonly RoutedModel[], traffic: readonly ModelTraffic[] = []): RouteFacts['table'] {
  return tableOf({ revision: 1, isReady: true, models, traffic });
}

function choose(wish: Partial<RouteWish> & { readonly name: string }, facts: Partial<RouteFacts> = {}) {
  const { table = tableFor([]), asker = { keyId: 'key-1' }, random = 0.5 } = facts;
  return chooseVersion({ kind: 'generate', ...wish }, { table, asker, random });
}

function refuses(run: () => unknown, code: ErrorCode, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PlinthError);
    assert.equal(error.facts.code, code);
    assert.match(error.message, message);
    assert.ok(error.message.length < 400);
    return true;
  });
}

const line = (name: string, ...versions: readonly string[]): RoutedModel[] =>
  versions.map((version) => routedModel({ name, version }));

const NAMES = tableFor([...line('smollm2', '1'), ...line('tinyllama', '1')]);

test('a model answers to exactly its name', () => {
  assert.equal(choose({ name: 'tinyllama' }, { table: NAMES }).model.name, 'tinyllama');
});

const unknown: ReadonlyArray<readonly [name: string, message: RegExp]> = [
  ['smolm2', /'smolm2' does not exist\. Did you mean 'smollm2'\?$/],
  ['SMOLLM2', /Did you mean 'smollm2'\?$/],
  ['smolm2:3', /Did you mean 'smollm2'\?$/],
  ['gpt-4o', /Served here: 'smollm2', 'tinyllama'\.$/],
  ['x'.repeat(10_000), /'x{100}…' does not exist/],
  ['__proto__', /does not exist/],
  ['smollm2:', /does not exist/],
  ['@stable', /does not exist/],
];

for (const [name, message] of unknown) {
  test(`the unknown model ${name.slice(0, 20)} is refused with a way on`, () => {
    refuses(() => choose({ name }, { table: NAMES }), 'model_not_found', message);
  });
}

test('a name as long as a body is taken as it is and not apart', () => {
  const name = 'a'.repeat(2000);
  const table = tableFor(line(name, '3', '4'), [modelTraffic({ model: name, aliases: { stable: '3' } })]);
  assert.equal(choose({ name }, { table }).model.version, '4');
  assert.equal(choose({ name, version: '3' }, { table }).model.version, '3');
  for (const words of [`${name}:3`, `${name}@stable`])
    assert.throws(() => choose({ name: words }, { table }), { code: 'model_not_found' });
});

test('where nothing is served that is said', () => {
  refuses(() => choose({ name: 'a' }), 'model_not_found', /No model is served here\.$/);
});

const VERSIONS = tableFor([
  routedModel({ version: '2' }),
  routedModel({ version: '10' }),
  routedModel({ version: '11', ...LOADING }),
]);

test('the highest version that is ready answers, or the one that is asked for', () => {
  const { model, choice } = choose({ name: 'echo' }, { table: VERSIONS });
  assert.equal(model.version, '10');
  assert.deepEqual(choice, { model: 'echo', version: '10', by: 'highest-ready' });
  assert.equal(choose({ name: 'echo', version: '2' }, { table: VERSIONS }).choice.by, 'request');
  assert.equal(choose({ name: 'echo', version: '11' }, { table: VERSIONS }).model.version, '11');
  assert.equal(choose({ name: 'echo:2' }, { table: VERSIONS }).model.version, '2');
});

test('a version that is missing is refused with those that are there', () => {
  refuses(() => choose({ name: 'echo', version: '3' }, { table: VERSIONS }), 'version_not_found', /served: 11, 10, 2\.$/);
  refuses(() => choose({ name: 'echo:3' }, { table: VERSIONS }), 'version_not_found', /no version 3/);
  refuses(() => choose({ name: 'echo:2', version: '3' }, { table: VERSIONS }), 'invalid_request', /name one version/);
  assert.equal(choose({ name: 'echo:2', version: '2' }, { table: VERSIONS }).model.version, '2');
});

test('an exact model name wins over reading a version or an alias in it', () => {
  const table = tableFor(
    [...line('echo', '3', '4'), ...line('echo:3', '1'), ...line('echo@stable', '1')],
    [modelTraffic({ aliases: { stable: '4', next: '4' } })],
  );
  assert.equal(choose({ name: 'echo:3' }, { table }).model.name, 'echo:3');
  assert.equal(choose({ name: 'echo@stable' }, { table }).model.name, 'echo@stable');
  assert.equal(choose({ name: 'echo@next' }, { table }).model.version, '4');
  assert.equal(choose({ name: 'echo:3:1' }, { table }).model.name, 'echo:3');
});

test('an alias names a version, and unknown ones are refused with those that are known', () => {
  const table = tableFor(line('echo', '3', '4'), [modelTraffic({ aliases: { stable: '3', gone: '9' } })]);
  assert.deepEqual(choose({ name: 'echo@stable' }, { table }).choice, {
    model: 'echo',
    version: '3',
    by: 'alias',
    detail: '@stable',
  });
  refuses(() => choose({ name: 'echo@stabel' }, { table }), 'version_not_found', /did you mean 'echo@stable'\?$/);
  refuses(() => choose({ name: 'echo@other' }, { table }), 'version_not_found', /known: 'stable', 'gone'\.$/);
  refuses(() => choose({ name: 'echo@gone' }, { table }), 'version_not_found', /is version 9, which is not loaded/);
  refuses(() => choose({ name: 'echo@constructor' }, { table }), 'version_not_found', /no alias 'constructor'/);
});

const arm = (version: string, weight: number, name = `v${version}`): TrafficArm => ({ name, version, weight });

test('arms decide by weight, and the choice tells how', () => {
  const arms = [arm('3', 1, 'current'), arm('4', 0, 'candidate')];
  const purpose = { kind: 'rollout', id: 'r1' } as const;
  const table = tableFor(line('echo', '3', '4', '5'), [modelTraffic({ arms, purpose })]);
  const { model, choice } = choose({ name: 'echo' }, { table });
  assert.equal(model.version, '3');
  assert.equal(choice.arm, 'current');
  assert.equal(choice.by, 'rollout');
  assert.deepEqual(choice.purpose, purpose);
  assert.match(choice.unit ?? '', /^[0-9a-f]{16}$/);
  assert.deepEqual(
    choice.scores?.map(({ version, weight, isServing, score }) => [version, weight, isServing, score > 0]),
    [
      ['3', 1, true, true],
      ['4', 0, true, false],
    ],
  );
});

test('an arm whose version does not serve is passed over for one with weight that does', () => {
  const arms = [arm('3', 1), arm('4', 1e6)];
  const models = [routedModel({ version: '3' }), routedModel({ version: '4', ...LOADING })];
  const { choice } = choose({ name: 'echo' }, { table: tableFor(models, [modelTraffic({ arms })]) });
  assert.equal(choice.version, '3');
  assert.equal(choice.detail, 'version 4 does not serve');
  assert.deepEqual(
    choice.scores?.map(({ isServing }) => isServing),
    [true, false],
  );
});

test('an arm without weight gets nothing, even when nothing else is there', () => {
  const arms = [arm('3', 1, 'current'), arm('4', 0, 'candidate')];
  const traffic = [modelTraffic({ arms, purpose: { kind: 'rollout', id: 'r1' } })];
  refuses(() => choose({ name: 'echo' }, { table: tableFor(line('echo', '4'), traffic) }), 'model_not_ready', /takes requests/);
  const others = choose({ name: 'echo' }, { table: tableFor(line('echo', '2', '4'), traffic) });
  assert.equal(others.model.version, '2');
  assert.equal(others.choice.by, 'highest-ready');
  assert.equal(choose({ name: 'echo:4' }, { table: tableFor(line('echo', '4'), traffic) }).model.version, '4');
});

test('a rollout whose weights are all 0 stays with the current version', () => {
  const arms = [arm('3', 0, 'current'), arm('4', 0, 'candidate')];
  const traffic = [modelTraffic({ arms, purpose: { kind: 'rollout', id: 'r1' } })];
  assert.equal(choose({ name: 'echo' }, { table: tableFor(line('echo', '3', '4'), traffic) }).model.version, '3');
});

test('the first rule that applies decides, by version, alias or model', () => {
  const table = tableFor(
    [...line('echo', '3', '4', '5'), ...line('other', '1', '2')],
    [
      modelTraffic({
        aliases: { next: '4' },
        arms: [arm('3', 1)],
        rules: [
          { when: { header: { name: 'X-Tier', equals: 'beta' } }, to: '5' },
          { when: { header: { name: 'x-tier', startsWith: 'al' } }, to: '@next' },
          { when: { callers: ['key-9'], kinds: ['embed'] }, to: 'other:1' },
          { when: { promptLongerThan: 100 }, to: 'other' },
        ],
      }),
    ],
  );
  const by = (headers: Record<string, string | string[]>, wish: Partial<RouteWish> = {}, keyId = 'key-1') => {
    const { choice } = choose({ name: 'echo', ...wish }, { table, asker: { keyId, headers } });
    return `${choice.model}:${choice.version} ${choice.by}`;
  };
  assert.equal(by({ 'x-tier': 'beta' }), 'echo:5 rule');
  assert.equal(by({ 'x-tier': ['x', 'alpha'] }), 'echo:4 rule');
  assert.equal(by({}, { kind: () => 'embed' }, 'key-9'), 'other:1 rule');
  assert.equal(by({}, { kind: 'generate' }, 'key-9'), 'echo:3 weights');
  assert.equal(by({}, { promptCharacters: () => 101 }), 'other:2 rule');
  assert.equal(by({}, { promptCharacters: () => 100 }), 'echo:3 weights');
  assert.equal(by({ 'x-tier': 'none' }), 'echo:3 weights');
});

test('a rule says what it did', () => {
  const table = tableFor(line('echo', '3', '4'), [modelTraffic({ rules: [{ when: { callers: ['key-1'] }, to: '3' }] })]);
  assert.equal(choose({ name: 'echo' }, { table }).choice.detail, "rule 1 of 'echo' → 3");
});

test('keys are no headers to route by', () => {
  for (const name of ['Authorization', 'proxy-authorization', 'x-api-key', 'api-key', 'cookie']) {
    const rules = [{ when: { header: { name, startsWith: 'Bearer' } }, to: '3' }];
    const table = tableFor(line('echo', '3', '4'), [modelTraffic({ rules })]);
    const asker = { keyId: 'k', headers: { [name.toLowerCase()]: 'Bearer plk_1' } };
    assert.equal(choose({ name: 'echo' }, { table, asker }).model.version, '4');
  }
});

test('rules of several models are followed, and circles and long ways refused', () => {
  const to = (model: string, target: string): ModelTraffic =>
    modelTraffic({ model, rules: [{ when: { callers: ['key-1'] }, to: target }] });
  const models = ['a', 'b', 'c', 'd', 'e', 'f'].flatMap((name) => line(name, '1'));
  const short = tableFor(models, [to('a', 'b'), to('b', 'c')]);
  const { choice } = choose({ name: 'a' }, { table: short });
  assert.equal(choice.model, 'c');
  assert.equal(choice.by, 'rule');
  assert.equal(choice.detail, "rule 1 of 'a' → b; rule 1 of 'b' → c");
  const circle = tableFor(models, [to('a', 'b'), to('b', 'a')]);
  refuses(() => choose({ name: 'a' }, { table: circle }), 'model_unavailable', /in a circle/);
  refuses(() => choose({ name: 'a' }, { table: tableFor(models, [to('a', 'a')]) }), 'model_unavailable', /in a circle/);
  const long = tableFor(models, [to('a', 'b'), to('b', 'c'), to('c', 'd'), to('d', 'e'), to('e', 'f')]);
  refuses(() => choose({ name: 'a' }, { table: long }), 'model_unavailable', /More than 4 rules/);
  refuses(() => choose({ name: 'a' }, { table: tableFor(models, [to('a', 'gone')]) }), 'model_unavailable', /leads to no model/);
});

test('where the target of a rule is not loaded, a fallback that serves answers', () => {
  const rules = [{ when: { callers: ['key-1'] }, to: '9' }];
  const refusing = tableFor(line('echo', '3'), [modelTraffic({ rules })]);
  refuses(() => choose({ name: 'echo' }, { table: refusing }), 'model_unavailable', /version that is not loaded/);
  const table = tableFor(line('echo', '3'), [modelTraffic({ rules, fallback: ['8', '3'] })]);
  const { choice } = choose({ name: 'echo' }, { table });
  assert.equal(choice.version, '3');
  assert.equal(choice.by, 'fallback');
});

test('where the version of an alias is not loaded, a fallback that serves answers, but not who asks for the version', () => {
  const traffic = [modelTraffic({ aliases: { stable: '9' }, fallback: ['3'] })];
  const table = tableFor(line('echo', '3'), traffic);
  const { choice } = choose({ name: 'echo@stable' }, { table });
  assert.deepEqual([choice.version, choice.by], ['3', 'fallback']);
  refuses(() => choose({ name: 'echo:9' }, { table }), 'version_not_found', /no version 9/);
  refuses(() => chooseSteadyVersion({ name: 'echo@stable', kind: 'embed' }, table), 'version_not_found', /not loaded/);
});

test('requests from inside get the version with the most weight and no arm', () => {
  const arms = [arm('3', 9), arm('4', 1)];
  const table = tableFor(line('echo', '3', '4', '5'), [modelTraffic({ arms, aliases: { next: '4' } })]);
  assert.deepEqual(chooseSteadyVersion({ name: 'echo', kind: 'embed' }, table).choice, {
    model: 'echo',
    version: '3',
    by: 'request',
  });
  assert.equal(chooseSteadyVersion({ name: 'echo', version: '5', kind: 'embed' }, table).model.version, '5');
  assert.equal(chooseSteadyVersion({ name: 'echo@next', kind: 'embed' }, table).model.version, '4');
});

test('a fallback target is a version, an alias or another model, and may not be there', () => {
  const table = tableFor([...line('echo', '3', '4'), ...line('other', '7', '8')], [modelTraffic({ aliases: { next: '3' } })]);
  const to = (target: string): string | undefined => {
    const routed = chooseFallback(target, 'echo', table);
    return routed && `${routed.model.name}:${routed.model.version} ${routed.choice.by}`;
  };
  assert.equal(to('3'), 'echo:3 fallback');
  assert.equal(to('@next'), 'echo:3 fallback');
  assert.equal(to('other'), 'other:8 fallback');
  assert.equal(to('other:7'), 'other:7 fallback');
  assert.equal(to('9'), undefined);
  assert.equal(to('@gone'), undefined);
  assert.equal(to('nobody'), undefined);
});

test('versions of many digits are told apart by their last one', () => {
  const versions = ['20260101120000000', '20260101120000001'];
  for (const order of [versions, versions.toReversed()])
    assert.equal(choose({ name: 'echo' }, { table: tableFor(line('echo', ...order)) }).model.version, '20260101120000001');
});

test('a newer version that the weights do not name answers nobody, whatever has become of the others', () => {
  const traffic = [modelTraffic({ arms: [arm('3', 1)] })];
  refuses(() => choose({ name: 'echo' }, { table: tableFor(line('echo', '4'), traffic) }), 'model_not_ready', /takes requests/);
  assert.equal(choose({ name: 'echo' }, { table: tableFor(line('echo', '1', '2', '4'), traffic) }).model.version, '2');
  const table = tableFor([...line('echo', '3', '4'), ...line('other', '1')], [...traffic, modelTraffic({ model: 'other' })]);
  assert.equal(chooseFallback('echo', 'other', table)?.model.version, '3');
  const onlyNewer = tableFor([...line('echo', '4'), ...line('other', '1')], traffic);
  assert.equal(chooseFallback('echo', 'other', onlyNewer), undefined);
});

test('where nothing serves, an arm that is on its way up is waited for and not one that is not loaded', () => {
  const traffic = [modelTraffic({ arms: [arm('3', 1), arm('9', 1e6)] })];
  const table = tableFor([routedModel({ version: '3', ...LOADING }), routedModel({ version: '2' })], traffic);
  assert.equal(choose({ name: 'echo' }, { table }).choice.version, '3');
});

test('a fallback to a model in the middle of a rollout goes to the version with the most weight', () => {
  const arms = [arm('3', 99, 'current'), arm('4', 1, 'candidate')];
  const table = tableFor([...line('echo', '3', '4'), ...line('other', '1')], [modelTraffic({ arms })]);
  assert.equal(chooseFallback('echo', 'other', table)?.model.version, '3');
  const loading = tableFor([routedModel({ version: '3', ...LOADING }), ...line('echo', '4')], [modelTraffic({ arms })]);
  assert.equal(chooseFallback('echo', 'other', loading)?.model.version, '4');
});

test('what takes long to tell of a request is told once, however many rules ask', () => {
  let count = 0;
  const rules = Array.from({ length: 64 }, () => ({ when: { kinds: ['embed' as const], promptLongerThan: 10 }, to: '3' }));
  const table = tableFor(line('echo', '3', '4'), [modelTraffic({ rules })]);
  const tell = <T>(value: T): T => {
    count += 1;
    return value;
  };
  choose({ name: 'echo', kind: () => tell('embed'), promptCharacters: () => tell(1) }, { table });
  assert.equal(count, 2);
});

test('what is not wanted is not asked for', () => {
  const asked = (): never => assert.fail('asked for');
  const wish = { name: 'echo', kind: asked, conversation: asked, promptCharacters: asked };
  const table = tableFor(line('echo', '3', '4'), [modelTraffic({ arms: [arm('3', 1), arm('4', 1)] })]);
  assert.ok(choose(wish, { table }).choice.unit);
});
