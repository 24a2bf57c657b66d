import type { PromptSegment } from './prompt-segment.ts';

/** Private-use code points of the Basic Multilingual Plane: one unit each, so that no slice or trim can cut a mark in two. */
const firstCode = 0xe000;
const codeCount = 6_400;

/**
 * Stands in for texts by private-use characters while a template runs, which leaves them alone: they are no blanks and have no case.
 * The characters are drawn at random and are none that the caller wrote, so nobody can write a mark.
 */
export class PrivateAlphabet {
  readonly #texts = new Map<string, string>();
  readonly #marks = new Map<string, string>();
  readonly #used: ReadonlySet<string>;
  #next: number;
  #left = codeCount;

  /** `start` is drawn at random, 0…1. */
  constructor(callerTexts: readonly string[], start: number) {
    this.#used = new Set(callerTexts.flatMap((text) => text.match(/[\ue000-\uf8ff]/g) ?? []));
    this.#next = Math.floor(start * codeCount);
  }

  /** The mark for a text, always the same one. A replacement character when a caller wrote more texts than there are marks. */
  markFor(text: string): string {
    const known = this.#marks.get(text);
    if (known !== undefined) return known;
    const mark = this.#freeMark();
    if (mark === undefined) return '\ufffd';
    this.#marks.set(text, mark);
    this.#texts.set(mark, text);
    return mark;
  }

  /** The rendered prompt, cut at the marks; marked texts parse no special tokens. A mark may have become a JSON escape. */
  split(rendered: string): PromptSegment[] {
    const segments: PromptSegment[] = [];
    let from = 0;
    for (const found of rendered.matchAll(/[\ue000-\uf8ff]|\\u([ef][0-9a-f]{3})/g)) {
      const mark = found[1] === undefined ? found[0] : String.fromCharCode(Number.parseInt(found[1], 16));
      const text = this.#texts.get(mark);
      if (text === undefined) continue;
      addSegment(segments, { text: rendered.slice(from, found.index), parsesSpecial: 'yes' });
      addSegment(segments, { text, parsesSpecial: 'no' });
      from = found.index + found[0].length;
    }
    addSegment(segments, { text: rendered.slice(from), parsesSpecial: 'yes' });
    return segments;
  }

  #freeMark(): string | undefined {
    while (this.#left > 0) {
      this.#left -= 1;
      this.#next = (this.#next + 1) % codeCount;
      const mark = String.fromCharCode(firstCode + this.#next);
      if (!this.#used.has(mark)) return mark;
    }
    return undefined;
  }
}

function addSegment(segments: PromptSegment[], segment: PromptSegment): void {
  const last = segments.at(-1);
  if (segment.text === '') return;
  if (last?.parsesSpecial !== segment.parsesSpecial) segments.push(segment);
  else segments[segments.length - 1] = { ...last, text: last.text + segment.text };
}
