import { JinjaInterpreterClass, type JinjaEnvironment, type JinjaElement, type JinjaValue } from './jinja-library.ts';
import type { FuelMeter } from './template-limits.ts';
import type { TemplateSyntax } from './template-syntax.ts';
import { chargeValue, guardMethod, inspectOperand, type OpenExpression } from './value-guards.ts';

/** Expressions whose parts are looked at before they are put together. */
const watched = new Set(['BinaryExpression', 'FilterExpression', 'MemberExpression', 'TestExpression']);

/**
 * The library's interpreter with a meter. Everything that a template does passes through `evaluate`, so that is where fuel is burnt, the
 * size of each new value is charged, and what could explode in one built-in operation is refused before it runs.
 */
export class BoundedInterpreter extends JinjaInterpreterClass {
  readonly #syntax: TemplateSyntax;
  readonly #meter: FuelMeter;
  readonly #open: (OpenExpression | undefined)[] = [];

  constructor(environment: JinjaEnvironment, bounds: { syntax: TemplateSyntax; meter: FuelMeter }) {
    super(environment);
    this.#syntax = bounds.syntax;
    this.#meter = bounds.meter;
  }

  override evaluate(node: JinjaElement | undefined, environment: JinjaEnvironment): JinjaValue | undefined {
    if (node === undefined) return super.evaluate(node, environment);
    this.#meter.enter();
    this.#meter.burn((this.#syntax.definitions.get(node) ?? 0) >> 2);
    const own = watched.has(node.type) ? { node, operands: [] } : undefined;
    this.#open.push(own);
    let value: JinjaValue | undefined;
    try {
      value = super.evaluate(node, environment);
    } finally {
      this.#open.pop();
      this.#meter.leave();
    }
    this.#inspect(node, own, value);
    return value;
  }

  #inspect(node: JinjaElement, own: OpenExpression | undefined, value: JinjaValue | undefined): void {
    if (value === undefined) return;
    if (own?.node.type === 'MemberExpression') guardMethod(this.#meter, own.operands[0], value);
    chargeValue(this.#meter, value, {
      node,
      isPrinted: this.#syntax.printed.has(node),
      isIterated: this.#syntax.iterated.has(node),
    });
    const parent = this.#open.at(-1);
    if (parent === undefined) return;
    parent.operands.push(value);
    inspectOperand(this.#meter, parent);
  }
}
