import { z } from 'zod';
import { cleanLine, hangText, type Style, type Terminal } from '../terminal/index.ts';

const stepSchema = z.looseObject({ action: z.string(), words: z.string(), id: z.string().optional() });
const differenceSchema = z.looseObject({ path: z.string(), from: z.unknown().optional(), to: z.unknown().optional() });

/** What a release file would do. */
export const planSchema = z.looseObject({
  digest: z.string(),
  steps: z.array(stepSchema),
  differences: z.array(differenceSchema),
  notes: z.array(z.string()),
});

/** What it has done; `failed` is the step that could not be done. */
export const reportSchema = z.looseObject({
  done: z.array(stepSchema),
  remaining: z.array(stepSchema),
  failed: stepSchema.optional(),
  notes: z.array(z.string()),
});

type Step = z.infer<typeof stepSchema>;

/** The steps of a plan in their order: `+` something new, `-` something that goes, `~` something that changes. */
export function drawPlan({ steps, notes }: z.infer<typeof planSchema>, terminal: Terminal): string {
  const lines = steps.map((step) => drawStep(step, signOf(step), terminal));
  return `${lines.length === 0 ? 'Nothing to do: everything is as the file says.\n' : lines.join('')}${drawNotes(notes, terminal)}`;
}

/** What was done, what failed, what was not begun. */
export function drawReport({ done, failed, remaining, notes }: z.infer<typeof reportSchema>, terminal: Terminal): string {
  if (done.length === 0 && failed === undefined)
    return `Nothing to do: everything is as the file says.\n${drawNotes(notes, terminal)}`;
  return [
    ...done.map((step) => drawStep(step, { sign: '✔', style: 'green' }, terminal)),
    ...(failed === undefined ? [] : [drawStep(failed, { sign: '✖', style: 'red' }, terminal)]),
    ...remaining.map((step) => drawStep(step, { sign: '·', style: 'dim' }, terminal)),
    drawNotes(notes, terminal),
  ].join('');
}

/** Field by field, as `diff` writes it. */
export function drawDifferences(differences: ReadonlyArray<z.infer<typeof differenceSchema>>, terminal: Terminal): string {
  if (differences.length === 0) return 'No differences.\n';
  return differences
    .flatMap(({ path, from, to }) => [
      ...(from === undefined ? [] : [terminal.paint('red', cleanLine(`- ${path}: ${JSON.stringify(from)}`))]),
      ...(to === undefined ? [] : [terminal.paint('green', cleanLine(`+ ${path}: ${JSON.stringify(to)}`))]),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

interface Sign {
  readonly sign: string;
  readonly style: Style;
}

function signOf({ action }: Step): Sign {
  if (/^(add|start)-/.test(action)) return { sign: '+', style: 'green' };
  return action.startsWith('remove-') ? { sign: '-', style: 'red' } : { sign: '~', style: 'yellow' };
}

function drawStep({ words, id }: Step, { sign, style }: Sign, terminal: Terminal): string {
  const text = cleanLine(id === undefined ? words : `${words} (${id})`);
  return hangText(`${sign} `, text, terminal).replace(sign, terminal.paint(style, sign));
}

function drawNotes(notes: readonly string[], terminal: Terminal): string {
  return notes.map((note) => hangText('! ', cleanLine(note), terminal)).join('');
}
