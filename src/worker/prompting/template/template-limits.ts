/** What a chat template may use; it comes out of a model file, which anybody may have made. */
export const templateLimits = {
  sourceBytes: 262_144,
  /** The lexer's regular expressions take quadratic time over white space. */
  blankRun: 256,
  nodes: 50_000,
  nesting: 200,
  /** Evaluations, and in proportion the characters and items that they make. */
  fuel: 1_000_000,
  cpuMs: 100,
  /** A long conversation may take longer. */
  cpuMsPerMessage: 0.1,
  /** Evaluations inside each other. */
  recursion: 500,
  textChars: 8_388_608,
  listItems: 20_000,
  rangeItems: 10_000,
} as const;

/** A limit was reached; the words follow "The model's chat template …". */
export class TemplateLimitError extends Error {}

/** The template itself refused the conversation by `raise_exception`. */
export class TemplateRefusal extends Error {}

/** Counts what one rendering uses. */
export class FuelMeter {
  #fuel: number = templateLimits.fuel;
  #untilClock = 0;
  #depth = 0;
  readonly #startedAt = process.threadCpuUsage();
  readonly #cpuMs: number;

  constructor(messageCount: number) {
    this.#cpuMs = templateLimits.cpuMs + Math.ceil(messageCount * templateLimits.cpuMsPerMessage);
  }

  /** One evaluation begins. */
  enter(): void {
    this.#depth += 1;
    if (this.#depth > templateLimits.recursion)
      throw new TemplateLimitError(`recurses deeper than ${templateLimits.recursion} levels`);
    this.burn(1);
  }

  leave(): void {
    this.#depth -= 1;
  }

  burn(amount: number): void {
    this.#fuel -= amount;
    this.#untilClock -= amount;
    if (this.#fuel < 0) throw new TemplateLimitError(`needs more than ${templateLimits.fuel} steps`);
    if (this.#untilClock > 0) return;
    this.#untilClock = 500;
    // The thread's own time: a busy machine must not make an honest template fail.
    const used = process.threadCpuUsage(this.#startedAt);
    if (used.user + used.system > this.#cpuMs * 1_000) {
      throw new TemplateLimitError(`takes longer than ${this.#cpuMs} ms of processor time`);
    }
  }
}
