import {
  anyTimes,
  choice,
  empty,
  isNever,
  never,
  optional,
  printExpression,
  rule,
  rulesOf,
  sequence,
  times,
  type Expression,
} from './expression.ts';

/** llama.cpp turns each optional repetition into a rule and copies each required one, so both are kept small and shared. */
const mostRules = 5_000;
const mostTextBytes = 200_000;
/** Above this, a bounded repetition is built from blocks. */
const chainLength = 64;
const mostRepetitions = 65_536;

/** Thrown when a grammar outgrows a limit; whoever knows the schema turns it into words for the caller. */
export class GrammarLimitError extends Error {}

/** A set of named rules under construction. Rules that can never end are dropped when it is printed. */
export class Grammar {
  readonly #rules = new Map<string, Expression>();
  #serial = 0;

  /** A fresh name, to be defined later: recursive rules refer to themselves by it. */
  reserve(base: string): string {
    this.#serial += 1;
    if (this.#serial > mostRules) throw new GrammarLimitError(`needs more than ${mostRules} grammar rules`);
    return `${base}-${this.#serial}`;
  }

  define(name: string, expression: Expression): Expression {
    if (this.#rules.size >= mostRules) throw new GrammarLimitError(`needs more than ${mostRules} grammar rules`);
    this.#rules.set(name, expression);
    return rule(name);
  }

  /** The rule `name`, defined by `build` when it is asked for the first time. */
  once(name: string, build: () => Expression): Expression {
    if (!this.#rules.has(name)) {
      this.define(name, empty);
      this.define(name, build());
    }
    return rule(name);
  }

  /** The expression under a name of its own, unless it is a rule or cannot match. */
  named(base: string, expression: Expression): Expression {
    if (expression.kind === 'rule' || isNever(expression)) return expression;
    return this.define(this.reserve(base), expression);
  }

  /** `of` at least `min` and at most `max` times (no `max`: without end). `of` must not match the empty string when there is no `max`. */
  repeat(of: Expression, min: number, max: number | undefined): Expression {
    if (Math.max(min, max ?? 0) > mostRepetitions) throw new GrammarLimitError(`repeats more than ${mostRepetitions} times`);
    if (max !== undefined && max < min) return never;
    if (max === 0) return empty;
    const item = this.named('item', of);
    if (item.kind !== 'rule') return min === 0 ? empty : never;
    const rest = max === undefined ? anyTimes(item) : this.#upTo(item.name, max - min);
    return sequence([this.#exactly(item.name, min), rest]);
  }

  /**
   * The GBNF text, its first rule being `root`.
   * @returns undefined when no finite text matches the root rule.
   */
  print(): string | undefined {
    const productive = this.#productiveRules();
    if (!productive.has('root')) return undefined;
    const lines: string[] = [];
    const seen = new Set(['root']);
    for (const name of seen) {
      const kept = prune(this.#rules.get(name) ?? never, productive);
      lines.push(`${name} ::= ${printExpression(kept)}`);
      for (const used of rulesOf(kept)) seen.add(used);
    }
    const printed = `${lines.join('\n')}\n`;
    if (Buffer.byteLength(printed) > mostTextBytes)
      throw new GrammarLimitError(`needs a grammar larger than ${mostTextBytes} bytes`);
    return printed;
  }

  #exactly(name: string, count: number): Expression {
    const block = 256;
    if (count <= block) return times(rule(name), count);
    const blocks = this.once(`${name}-x${block}`, () => times(rule(name), block));
    return sequence([times(blocks, Math.floor(count / block)), times(rule(name), count % block)]);
  }

  #upTo(name: string, count: number): Expression {
    if (count === 0) return empty;
    if (count <= chainLength) return this.#chain(name, count);
    const block = count <= 4_096 ? chainLength : 256;
    return this.#blocks(name, count, block);
  }

  /** Whole blocks first, then a chain shorter than a block: two open readings at any time instead of `count` rules. */
  #blocks(name: string, count: number, block: number): Expression {
    if (count < block) return this.#chain(name, count);
    return this.once(`${name}-to${count}`, () =>
      choice([sequence([this.#exactly(name, block), this.#blocks(name, count - block, block)]), this.#chain(name, block - 1)]),
    );
  }

  #chain(name: string, count: number): Expression {
    if (count === 0) return empty;
    return this.once(`${name}-to${count}`, () => optional(sequence([rule(name), this.#chain(name, count - 1)])));
  }

  #productiveRules(): Set<string> {
    const productive = new Set<string>();
    const users = this.#usersOfRules();
    const waiting = [...this.#rules.keys()];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (productive.has(name) || isNever(prune(this.#rules.get(name) ?? never, productive))) continue;
      productive.add(name);
      waiting.push(...(users.get(name) ?? []));
    }
    return productive;
  }

  #usersOfRules(): Map<string, string[]> {
    const users = new Map<string, string[]>();
    for (const [name, expression] of this.#rules) {
      for (const used of rulesOf(expression)) {
        const known = users.get(used);
        if (known === undefined) users.set(used, [name]);
        else known.push(name);
      }
    }
    return users;
  }
}

function prune(expression: Expression, productive: ReadonlySet<string>): Expression {
  switch (expression.kind) {
    case 'rule':
      return productive.has(expression.name) ? expression : never;
    case 'sequence':
      return sequence(expression.parts.map((part) => prune(part, productive)));
    case 'choice':
      return choice(expression.options.map((option) => prune(option, productive)));
    case 'times':
      return times(prune(expression.of, productive), expression.count);
    case 'any-times': {
      const of = prune(expression.of, productive);
      return isNever(of) ? empty : anyTimes(of);
    }
    default:
      return expression;
  }
}
