import { PlinthError } from '../../../core/errors/index.ts';

/** Ends the screening of a graph: `reason` names what was found and what was expected. */
export function refuseGraph(reason: string): never {
  throw new PlinthError({ code: 'invalid_model_file', message: `invalid model file: ${reason}` });
}

/** A text of the file for a message: short, and with nothing unprintable in it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
