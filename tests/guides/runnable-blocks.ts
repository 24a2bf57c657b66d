/** A command or program of a document that the tests run. */
export interface RunnableBlock {
  /** `docs/guides/first-steps.md:12` */
  readonly place: string;
  readonly language: 'sh' | 'js';
  readonly code: string;
  /** Lines that the output must hold, in this order; `…` stands for anything. */
  readonly expected: readonly string[];
}

const FENCE = /^```(.*)\n([\s\S]*?)^```$/gm;

/**
 * Finds the blocks whose info string is `sh runnable` or `js runnable`. A following block `text output` (prose may stand between)
 * tells what the run prints.
 */
export function runnableBlocks(file: string, text: string): RunnableBlock[] {
  const blocks: RunnableBlock[] = [];
  for (const { 1: info = '', 2: code = '', index } of text.matchAll(FENCE)) {
    const last = blocks.at(-1);
    if (info === 'text output') {
      if (last === undefined) throw new Error(`${placeOf(file, text, index)} tells the output of no runnable block`);
      blocks.splice(-1, 1, { ...last, expected: code.split('\n').filter((line) => line.trim() !== '') });
    }
    const language = /^(sh|js) runnable$/.exec(info)?.[1];
    if (language === 'sh' || language === 'js') blocks.push({ place: placeOf(file, text, index), language, code, expected: [] });
  }
  return blocks;
}

/** The first expected line that the output lacks after the lines before it. */
export function missingLine(expected: readonly string[], output: string): string | undefined {
  let rest = output.split('\n');
  for (const line of expected) {
    const pattern = new RegExp(`^${line.trim().split('…').map(escape).join('.*')}$`);
    const at = rest.findIndex((candidate) => pattern.test(candidate.trim()));
    if (at === -1) return line;
    rest = rest.slice(at + 1);
  }
  return undefined;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function placeOf(file: string, text: string, index: number): string {
  return `${file}:${text.slice(0, index).split('\n').length}`;
}
