import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addClass,
  addEvent,
  addEventBlock,
  addMoment,
  addNumber,
  addPair,
  addToCluster,
  alwaysValidP,
  boundsAtAllTimes,
  classTotals,
  clusteredMean,
  eventTotals,
  exchangeLogE,
  gapOf,
  mergeClassTests,
  mergeClusteredSums,
  mergeEventTests,
  mergeExchangeTests,
  mergeMoments,
  noClassTest,
  noClusteredSums,
  noEventTest,
  noExchangeTest,
  noMoments,
  shareLogE,
  stabilityIndex,
  varianceOf,
  type Side,
} from './index.ts';

const RUNS = 400;
const ALPHA = 0.05;
/** More alarms than this of {@link RUNS} have a chance below 1e-6 when each has one of 5 % (binomial; 20 expected, deviation 4.4). */
const MOST_ALARMS = 45;

function uniformFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function normalFrom(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** How many of the runs were ever beyond the level, looking after every observation. */
function countAlarms(run: (uniform: () => number) => boolean): number {
  return Array.from({ length: RUNS }, (_, index) => run(uniformFrom(index + 1))).filter(Boolean).length;
}

const sides = fc.constantFrom<Side>('current', 'candidate');

test('moments of two lots merged are those of all numbers together', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
      (a, b) => {
        const of = (numbers: readonly number[]) => {
          const moments = noMoments();
          for (const number of numbers) addMoment(moments, number);
          return moments;
        };
        const [merged, whole] = [mergeMoments(of(a), of(b)), of([...a, ...b])];
        assert.equal(merged.count, whole.count);
        assert.ok(Math.abs(merged.mean - whole.mean) <= 1e-6 * (1 + Math.abs(whole.mean)));
        assert.ok(Math.abs(varianceOf(merged) - varianceOf(whole)) <= 1e-6 * (1 + varianceOf(whole)));
      },
    ),
  );
});

test('an error rate that is the same for both is hardly ever called higher, at any share of traffic and any look', () => {
  for (const [share, rate] of [
    [0.01, 0.01],
    [0.5, 0.2],
    [0.9, 0.02],
  ] as const) {
    const alarms = countAlarms((uniform) => {
      const events = noEventTest();
      for (let answer = 0; answer < 1_500; answer += 1) {
        addEvent(events, uniform() < share ? 'candidate' : 'current', uniform() < rate ? 'hit' : 'miss');
        if (events.logE >= -Math.log(ALPHA)) return true;
      }
      return false;
    });
    assert.ok(alarms <= MOST_ALARMS, `${alarms} of ${RUNS} at share ${share} and rate ${rate}`);
  }
});

test('error rates that move together during the day raise no alarm', () => {
  const alarms = countAlarms((uniform) => {
    const events = noEventTest();
    for (let answer = 0; answer < 1_500; answer += 1) {
      const rate = answer % 300 < 60 ? 0.5 : 0.005;
      addEvent(events, uniform() < 0.1 + 0.8 * (answer / 1_500) ? 'candidate' : 'current', uniform() < rate ? 'hit' : 'miss');
      if (events.logE >= -Math.log(ALPHA)) return true;
    }
    return false;
  });
  assert.ok(alarms <= MOST_ALARMS, `${alarms} of ${RUNS}`);
});

test('a candidate that always fails is certain after six comparisons, and after three live answers at one percent', () => {
  const compared = noEventTest();
  for (let pair = 0; pair < 6; pair += 1)
    addEventBlock(compared, { current: { count: 1, hits: 0 }, candidate: { count: 1, hits: 1 } });
  assert.ok(compared.logE > -Math.log(0.005));
  const live = noEventTest();
  for (let block = 0; block < 3; block += 1)
    addEventBlock(live, { current: { count: 99, hits: 0 }, candidate: { count: 1, hits: 1 } });
  assert.ok(live.logE > -Math.log(0.005));
});

test('a candidate that fails when nobody else answers any more is held against what was before', () => {
  const events = noEventTest();
  for (let answer = 0; answer < 1_000; answer += 1) addEvent(events, answer % 4 === 0 ? 'candidate' : 'current', 'miss');
  const before = events.logE;
  for (let answer = 0; answer < 48; answer += 1) addEvent(events, 'candidate', 'hit');
  assert.ok(before <= 0 && events.logE > -Math.log(0.001), `${before} → ${events.logE}`);
});

test('numbers drawn alike are hardly ever called larger, whatever their distribution', () => {
  const draws: readonly ((uniform: () => number) => number)[] = [
    (uniform) => normalFrom(uniform),
    (uniform) => -Math.log(1 - uniform()) * 3,
    (uniform) => (uniform() < 0.9 ? 1 : 0),
    (uniform) => 1 / (uniform() + 1e-9),
  ];
  for (const [index, draw] of draws.entries())
    for (const share of [0.03, 0.5]) {
      const alarms = countAlarms((uniform) => {
        const numbers = noExchangeTest();
        for (let answer = 0; answer < 400; answer += 1) {
          addNumber(numbers, uniform() < share ? 'candidate' : 'current', draw(uniform));
          if (exchangeLogE(numbers) >= -Math.log(ALPHA)) return true;
        }
        return false;
      });
      assert.ok(alarms <= MOST_ALARMS, `${alarms} of ${RUNS}, distribution ${index}, share ${share}`);
    }
});

test('a difference of half a standard deviation is found in most runs of 200 pairs', () => {
  const found = countAlarms((uniform) => {
    const numbers = noExchangeTest();
    for (let pair = 0; pair < 200; pair += 1) {
      addPair(numbers, { current: normalFrom(uniform), candidate: normalFrom(uniform) + 0.5 });
      if (exchangeLogE(numbers) >= -Math.log(ALPHA)) return true;
    }
    return false;
  });
  assert.ok(found > 0.9 * RUNS, `${found} of ${RUNS}`);
});

test('classes drawn alike are hardly ever called others, and others are found', () => {
  const run = (candidate: readonly number[]) =>
    countAlarms((uniform) => {
      const classes = noClassTest();
      for (let answer = 0; answer < 250; answer += 1) {
        const side = uniform() < 0.3 ? 'candidate' : 'current';
        let left = uniform();
        const name = (side === 'candidate' ? candidate : [0.6, 0.3, 0.1]).findIndex((share) => (left -= share) < 0);
        addClass(classes, side, String(name));
        if (classes.logE >= -Math.log(ALPHA)) return true;
      }
      return false;
    });
  assert.ok(run([0.6, 0.3, 0.1]) <= MOST_ALARMS);
  assert.ok(run([0.1, 0.3, 0.6]) > 0.95 * RUNS);
});

test('names of classes that mean something to JavaScript are counted like any other', () => {
  const classes = noClassTest();
  for (const name of ['constructor', '__proto__', 'toString', 'constructor']) addClass(classes, 'current', name);
  assert.deepEqual(Object.values(classTotals(classes, 'current')).toSorted(), [1, 1, 2]);
});

test('the stability index is 0 for equal shares, grows with the change and stays finite for missing classes', () => {
  assert.ok(stabilityIndex({ a: 50, b: 50 }, { a: 500, b: 500 }) < 0.001);
  const little = stabilityIndex({ a: 50, b: 50 }, { a: 60, b: 40 });
  const much = stabilityIndex({ a: 50, b: 50 }, { a: 90, b: 10 });
  assert.ok(little < much);
  assert.ok(Number.isFinite(stabilityIndex({ a: 100 }, { b: 100 })));
  assert.equal(stabilityIndex({}, { a: 1 }), 0);
});

test('more classes than are kept fall into one', () => {
  const classes = noClassTest();
  for (let name = 0; name < 1_000; name += 1) addClass(classes, name % 2 === 0 ? 'current' : 'candidate', `class ${name}`);
  const names = new Set([...Object.keys(classTotals(classes, 'current')), ...Object.keys(classTotals(classes, 'candidate'))]);
  assert.ok(names.size <= 101, `${names.size}`);
});

test('bounds contain the estimate, hold the truth at all times and narrow', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.double({ min: 1e-9, max: 1e3, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e2, noNaN: true }),
      fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
      (estimate, variance, scale, alpha) => {
        const wide = boundsAtAllTimes({ estimate, variance, scale }, alpha);
        assert.ok(wide.low <= estimate && estimate <= wide.high);
        const p = alwaysValidP({ estimate, variance, scale });
        assert.ok(p >= 0 && p <= 1);
      },
    ),
  );
  const misses = countAlarms((uniform) => {
    let sum = 0;
    for (let n = 1; n <= 500; n += 1) {
      sum += normalFrom(uniform);
      const { low, high } = boundsAtAllTimes({ estimate: sum / n, variance: 1 / n, scale: 0.3 }, ALPHA);
      if (low > 0 || high < 0) return true;
    }
    return false;
  });
  assert.ok(misses <= MOST_ALARMS, `${misses} of ${RUNS}`);
});

test('a p-value is below the level exactly when the bounds at that level leave 0 out', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -5, max: 5, noNaN: true }),
      fc.double({ min: 0.01, max: 2, noNaN: true }),
      (estimate, variance) => {
        const facts = { estimate, variance, scale: 0.7 };
        const { low, high } = boundsAtAllTimes(facts, ALPHA);
        const p = alwaysValidP(facts);
        if (Math.abs(p - ALPHA) > 1e-9) assert.equal(p < ALPHA, low > 0 || high < 0);
      },
    ),
  );
});

test('evidence of several lots adds up to the same in any order, and is never NaN', () => {
  const answers = fc.array(
    fc.record({
      side: sides,
      hit: fc.boolean(),
      value: fc.double({ min: -50, max: 50, noNaN: true }),
      name: fc.string({ maxLength: 3 }),
    }),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(answers, answers, answers, (a, b, c) => {
      const lots = [a, b, c].map((lot) => {
        const kept = { events: noEventTest(), numbers: noExchangeTest(), classes: noClassTest() };
        for (const { side, hit, value, name } of lot) {
          addEvent(kept.events, side, hit ? 'hit' : 'miss');
          addNumber(kept.numbers, side, value);
          addClass(kept.classes, side, name);
        }
        return kept;
      });
      const merge = (order: readonly number[]) => {
        const [first = 0, second = 0, third = 0] = order;
        const [x, y, z] = [lots[first], lots[second], lots[third]];
        assert.ok(x && y && z);
        return {
          events: mergeEventTests(mergeEventTests(x.events, y.events), z.events),
          numbers: mergeExchangeTests(x.numbers, mergeExchangeTests(y.numbers, z.numbers)),
          classes: mergeClassTests(mergeClassTests(x.classes, y.classes), z.classes),
        };
      };
      const [one, other] = [merge([0, 1, 2]), merge([2, 0, 1])];
      assertClose(one, other);
      const seen = a.length + b.length + c.length;
      assert.equal(eventTotals(one.events, 'current').count + eventTotals(one.events, 'candidate').count, seen);
      const gap = gapOf(one.numbers.gap);
      for (const number of [one.events.logE, exchangeLogE(one.numbers), one.classes.logE, gap ?? 0])
        assert.ok(Number.isFinite(number));
    }),
  );
});

/** Equal but for the last digits of sums in another order. */
function assertClose(a: unknown, b: unknown): void {
  if (typeof a === 'number' && typeof b === 'number') assert.ok(Math.abs(a - b) <= 1e-6 * (1 + Math.abs(a)), `${a} and ${b}`);
  else if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    assert.deepEqual(Object.keys(a).toSorted(), Object.keys(b).toSorted());
    const others = new Map<string, unknown>(Object.entries(b));
    for (const [name, part] of Object.entries(a)) assertClose(part, others.get(name));
  } else assert.equal(a, b);
}

test('means of clustered numbers are those of all, and dependence within clusters widens their variance', () => {
  const [alone, together] = [noClusteredSums(50), noClusteredSums(50)];
  const uniform = uniformFrom(3);
  for (let number = 0; number < 1_000; number += 1) {
    addToCluster(alone, number % 50, uniform());
    addToCluster(together, number % 50, (number % 50) / 50);
  }
  addToCluster(alone, 99, 1e9);
  addToCluster(alone, 1, Number.NaN);
  const [first, second] = [clusteredMean(alone), clusteredMean(together)];
  assert.ok(first && second && first.count === 1_000 && first.groups === 50);
  assert.ok(Math.abs(first.mean - 0.5) < 0.05 && Math.abs(second.mean - 0.49) < 1e-9);
  assert.ok(Math.abs(first.variance / (1 / 12 / 1_000) - 1) < 0.6, `${first.variance}`);
  assert.ok(second.variance > 10 * first.variance);
  assert.equal(clusteredMean(mergeClusteredSums(alone, together))?.count, 2_000);
  assert.equal(clusteredMean(noClusteredSums(3)), undefined);
});

test('counts that follow their shares are hardly ever called off, and others soon are', () => {
  const run = (share: number) =>
    countAlarms((uniform) => {
      const counts = [0, 0];
      for (let unit = 0; unit < 600; unit += 1) {
        const arm = uniform() < share ? 0 : 1;
        counts[arm] = (counts[arm] ?? 0) + 1;
        if (shareLogE(counts, [0.3, 0.7]) >= -Math.log(ALPHA)) return true;
      }
      return false;
    });
  assert.ok(run(0.3) <= MOST_ALARMS);
  assert.ok(run(0.45) > 0.9 * RUNS);
});
