/** A reader of GBNF of its own, so that tests judge a grammar's text by what it says and not by the code that wrote it. */
type Symbol =
  | { readonly kind: 'chars'; readonly ranges: ReadonlyArray<readonly [number, number]> }
  | { readonly kind: 'rule'; readonly name: string };
type Alternatives = Symbol[][];

interface Stack {
  readonly alternative: readonly Symbol[];
  readonly at: number;
  readonly below: Stack | undefined;
}

export class Gbnf {
  readonly #rules = new Map<string, Alternatives>();
  readonly #cost = new Map<string, number>();
  #text = '';
  #at = 0;
  #serial = 0;

  /** @throws Error when the text is not GBNF or names a rule that is not there. */
  constructor(text: string) {
    for (const line of text.trimEnd().split('\n')) this.#readRule(line);
    for (const alternatives of this.#rules.values()) {
      for (const symbol of alternatives.flat()) {
        if (symbol.kind === 'rule' && !this.#rules.has(symbol.name)) throw new Error(`rule ${symbol.name} is missing`);
      }
    }
    this.#weigh();
  }

  get ruleCount(): number {
    return this.#rules.size;
  }

  /** A random sentence; `random` yields 0…1. Turns to the shortest way when it grows. */
  sample(random: () => number): string {
    const out: string[] = [];
    const todo: Symbol[] = [{ kind: 'rule', name: 'root' }];
    for (let symbol = todo.pop(); symbol !== undefined; symbol = todo.pop()) {
      if (symbol.kind === 'chars') out.push(randomChar(symbol.ranges, random));
      else todo.push(...this.#pick(symbol.name, out.length + todo.length > 200 ? () => 1 : random).toReversed());
    }
    return out.join('');
  }

  accepts(text: string): boolean {
    let stacks = this.#settle({ alternative: [{ kind: 'rule', name: 'root' }], at: 0, below: undefined });
    for (const char of text) {
      const code = char.codePointAt(0) ?? 0;
      stacks = stacks.flatMap((stack) => {
        const symbol = stack?.alternative[stack.at];
        if (stack === undefined || symbol?.kind !== 'chars' || !symbol.ranges.some(([low, high]) => low <= code && code <= high))
          return [];
        return this.#settle({ ...stack, at: stack.at + 1 });
      });
    }
    return stacks.includes(undefined);
  }

  /** All stacks that stand before a character; `undefined` is the end. */
  #settle(stack: Stack | undefined): (Stack | undefined)[] {
    if (stack === undefined) return [undefined];
    const symbol = stack.alternative[stack.at];
    if (symbol === undefined) return this.#settle(stack.below);
    if (symbol.kind === 'chars') return [stack];
    const isLast = stack.at + 1 === stack.alternative.length;
    const below = isLast ? stack.below : { ...stack, at: stack.at + 1 };
    return (this.#rules.get(symbol.name) ?? []).flatMap((alternative) => this.#settle({ alternative, at: 0, below }));
  }

  #pick(name: string, random: () => number): Symbol[] {
    const alternatives = this.#rules.get(name) ?? [];
    const roll = random();
    const cheapest = alternatives.toSorted((a, b) => this.#costOf(a) - this.#costOf(b))[0] ?? [];
    return roll >= 1 ? cheapest : (alternatives[Math.floor(roll * alternatives.length)] ?? cheapest);
  }

  /** The fewest characters of each rule; a rule that can never end keeps infinity. */
  #weigh(): void {
    for (let isChanged = true; isChanged;) {
      isChanged = false;
      for (const [name, alternatives] of this.#rules) {
        const cost = Math.min(...alternatives.map((each) => this.#costOf(each)));
        if (cost < (this.#cost.get(name) ?? Infinity)) {
          this.#cost.set(name, cost);
          isChanged = true;
        }
      }
    }
  }

  #costOf(alternative: readonly Symbol[]): number {
    return alternative.reduce(
      (sum, symbol) => sum + (symbol.kind === 'chars' ? 1 : 0.01 + (this.#cost.get(symbol.name) ?? Infinity)),
      0,
    );
  }

  #readRule(line: string): void {
    const [, name, body] = /^([A-Za-z0-9-]+) ::= (.*)$/s.exec(line) ?? [];
    if (name === undefined || body === undefined) throw new Error(`no rule: ${line}`);
    this.#text = body;
    this.#at = 0;
    this.#rules.set(name, this.#alternatives());
    if (this.#at < this.#text.length) throw new Error(`left over: ${this.#text.slice(this.#at)}`);
  }

  #alternatives(): Alternatives {
    const alternatives: Alternatives = [this.#sequence()];
    while (this.#take('|')) alternatives.push(this.#sequence());
    return alternatives;
  }

  #sequence(): Symbol[] {
    const symbols: Symbol[] = [];
    for (;;) {
      while (this.#take(' '));
      const char = this.#text[this.#at];
      if (char === undefined || char === '|' || char === ')') return symbols;
      symbols.push(...this.#repeated(this.#atom()));
    }
  }

  #atom(): Symbol[] {
    if (this.#take('"')) return this.#literal();
    if (this.#take('[')) return [{ kind: 'chars', ranges: this.#set() }];
    if (this.#take('(')) {
      const alternatives = this.#alternatives();
      if (!this.#take(')')) throw new Error('no )');
      return [this.#rule(alternatives)];
    }
    const [name] = /^[A-Za-z0-9-]+/.exec(this.#text.slice(this.#at)) ?? [];
    if (name === undefined) throw new Error(`unexpected: ${this.#text.slice(this.#at)}`);
    this.#at += name.length;
    return [{ kind: 'rule', name }];
  }

  #repeated(atom: Symbol[]): Symbol[] {
    const [written, count, star] = /^(?:\{(\d+)\}|(\*))/.exec(this.#text.slice(this.#at)) ?? [];
    if (written === undefined) return atom;
    this.#at += written.length;
    if (Number(count) > 2000) throw new Error('llama.cpp takes at most 2000 repetitions');
    if (star === undefined) return Array.from({ length: Number(count) }, () => atom).flat();
    const name = this.#fresh();
    this.#rules.set(name, [[...atom, { kind: 'rule', name }], []]);
    return [{ kind: 'rule', name }];
  }

  #literal(): Symbol[] {
    const symbols: Symbol[] = [];
    while (!this.#take('"')) {
      const code = this.#char();
      symbols.push({ kind: 'chars', ranges: [[code, code]] });
    }
    return symbols;
  }

  #set(): [number, number][] {
    const ranges: [number, number][] = [];
    while (!this.#take(']')) {
      const low = this.#char();
      ranges.push([low, this.#take('-') ? this.#char() : low]);
    }
    return ranges;
  }

  #char(): number {
    if (!this.#take('\\')) {
      const code = this.#text.codePointAt(this.#at);
      if (code === undefined) throw new Error('unexpected end');
      this.#at += code > 0xffff ? 2 : 1;
      return code;
    }
    const kind = this.#text[this.#at++] ?? '';
    const length = { x: 2, u: 4, U: 8 }[kind];
    if (length === undefined) {
      if (!'\\"[]'.includes(kind)) throw new Error(`unknown escape ${kind}`);
      return kind.charCodeAt(0);
    }
    const digits = this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
    return Number.parseInt(digits, 16);
  }

  #take(char: string): boolean {
    const isThere = this.#text[this.#at] === char;
    if (isThere) this.#at += 1;
    return isThere;
  }

  #rule(alternatives: Alternatives): Symbol {
    const name = this.#fresh();
    this.#rules.set(name, alternatives);
    return { kind: 'rule', name };
  }

  #fresh(): string {
    this.#serial += 1;
    return `_${this.#serial}`;
  }
}

function randomChar(ranges: ReadonlyArray<readonly [number, number]>, random: () => number): string {
  const [low, high] = ranges[Math.floor(random() * 0.999999 * ranges.length)] ?? [97, 97];
  // Mostly the low end: the middle of Unicode is dull.
  return String.fromCodePoint(low + Math.floor((high - low + 0.999999) * random() ** 4));
}
