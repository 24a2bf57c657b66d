import { PlinthError } from '../../../core/errors/index.ts';

/** Ends a screening: `reason` names what was found and what was expected. */
export function refuse(reason: string): never {
  throw new PlinthError({ code: 'invalid_model_file', message: `invalid model file: ${reason}` });
}
